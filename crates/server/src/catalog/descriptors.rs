//! `.proto` trees and descriptor sets to one pool, with the places of what is in it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use prost::Message as _;
use prost_reflect::{DescriptorPool, FileDescriptor, MethodDescriptor, ServiceDescriptor};
use prost_types::FileDescriptorSet;
use protox::Compiler;
use protox::file::{
    ChainFileResolver, DescriptorSetFileResolver, File, FileResolver, GoogleFileResolver,
    IncludeFileResolver,
};

use super::CatalogError;
use crate::folder::make_private;

/// Files compiled together with all that they import, and with the interfaces that every
/// service needs (`google.longrunning`, `google.rpc`, the well-known types).
#[derive(Clone, Debug)]
pub(super) struct Descriptors {
    pub(super) pool: DescriptorPool,
    /// The files that were given, not only imported, in the order of their names.
    own: Vec<String>,
    /// Where each file is on disk.
    paths: HashMap<String, PathBuf>,
}

/// What descriptors are made from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DescriptorSource<'a> {
    /// Folders of `.proto` files: all of them, and what they import from each other.
    pub(super) proto_path: &'a [PathBuf],
    /// Serialized descriptor sets.
    pub(super) descriptor_set: &'a [PathBuf],
    /// Files that the program carries: (import path, text).
    pub(super) built_in: &'static [(&'static str, &'static str)],
    /// Where what was compiled is kept.
    pub(super) cache_dir: Option<&'a Path>,
}

/// The most files that one tree may have.
const FILES_MAX: usize = 100_000;

impl Descriptors {
    /// Compiles a source.
    ///
    /// # Errors
    /// What can't be read or compiled, with file, line and column.
    pub(super) fn load(source: DescriptorSource<'_>) -> Result<Self, CatalogError> {
        let mut sets = Vec::new();
        for path in source.descriptor_set {
            let bytes = read(path)?;
            let set = FileDescriptorSet::decode(bytes.as_slice()).map_err(|error| {
                let what = "no serialized google.protobuf.FileDescriptorSet";
                CatalogError(format!("{}: {what}: {error}", path.display()))
            })?;
            sets.push(set);
        }
        let mut own = BTreeSet::new();
        let mut paths = HashMap::new();
        for folder in source.proto_path {
            walk(folder, folder, &mut own, &mut paths)?;
        }
        own.extend(sets.iter().flat_map(|set| &set.file).map(|file| file.name().to_owned()));
        own.extend(source.built_in.iter().map(|(name, _)| (*name).to_owned()));
        // Their place is taken by the well-known types that come with the compiler.
        own.retain(|name| !name.starts_with("google/protobuf/"));

        let compile = || compile(source, sets, &own, &paths);
        let pool = match source.cache_dir {
            Some(dir) if !source.proto_path.is_empty() => cached(dir, source, &paths, compile)?,
            _ => compile()?,
        };
        Ok(Self { pool, own: own.into_iter().collect(), paths })
    }

    /// The proto services of the files that were given.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceDescriptor> {
        let files = self.own.iter().filter_map(|name| self.pool.get_file_by_name(name));
        files.flat_map(|file| file.services().collect::<Vec<_>>())
    }

    /// `FILE:LINE` of a method.
    pub(super) fn place(&self, method: &MethodDescriptor) -> String {
        self.line_of(&method.parent_file(), method.path())
    }

    /// `FILE:LINE` of a proto service.
    pub(super) fn service_place(&self, service: &ServiceDescriptor) -> String {
        self.line_of(&service.parent_file(), service.path())
    }

    fn line_of(&self, file: &FileDescriptor, path: &[i32]) -> String {
        let name = file.name();
        let shown = self.paths.get(name).map_or(name.into(), |path| path.to_string_lossy());
        let info = file.file_descriptor_proto().source_code_info.as_ref();
        let found = info.and_then(|info| info.location.iter().find(|one| one.path == path));
        match found.and_then(|location| location.span.first()) {
            Some(line) => format!("{shown}:{}", line + 1),
            None => shown.into_owned(),
        }
    }
}

fn compile(
    source: DescriptorSource<'_>,
    sets: Vec<FileDescriptorSet>,
    own: &BTreeSet<String>,
    paths: &HashMap<String, PathBuf>,
) -> Result<DescriptorPool, CatalogError> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(GoogleFileResolver::new());
    for folder in source.proto_path {
        resolver.add(IncludeFileResolver::new(folder.clone()));
    }
    for set in sets {
        resolver.add(DescriptorSetFileResolver::new(set));
    }
    resolver.add(Texts(source.built_in));
    resolver.add(Texts(longrun_api::SOURCES));
    let mut compiler = Compiler::with_file_resolver(resolver);
    // Its debug form has the file by its import path, line and column.
    let broken = |error: protox::Error| {
        let text = format!("{error:?}");
        let file = error.file().and_then(|name| Some((paths.get(name)?, text.strip_prefix(name)?)));
        CatalogError(match file {
            Some((path, rest)) => format!("{}{rest}", path.display()),
            None => text,
        })
    };
    compiler.open_files(own).map_err(broken)?;
    compiler.open_files(longrun_api::SOURCES.iter().map(|(name, _)| name)).map_err(broken)?;
    compiler.open_files(WELL_KNOWN).map_err(broken)?;
    Ok(compiler.descriptor_pool())
}

/// Types that any payload may be of.
const WELL_KNOWN: [&str; 7] = [
    "google/protobuf/any.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/protobuf/wrappers.proto",
];

/// Files whose text is in the program.
struct Texts(&'static [(&'static str, &'static str)]);

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let found = self.0.iter().find(|(own, _)| *own == name);
        let (name, text) = found.ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, text)
    }
}

/// Pools as one; of two files with one name the first counts.
pub(super) fn merge(pools: &[DescriptorPool]) -> Result<DescriptorPool, CatalogError> {
    let (first, rest) = pools.split_first().ok_or_else(|| CatalogError("no descriptors".into()))?;
    let mut merged = first.clone();
    for pool in rest.iter().filter(|pool| *pool != first) {
        let new = pool.files().filter(|file| merged.get_file_by_name(file.name()).is_none());
        let set = EncodedFiles { file: new.map(|file| file.encode_to_vec()).collect() };
        merged.decode_file_descriptor_set(set.encode_to_vec().as_slice()).map_err(|error| {
            CatalogError(format!("the services' descriptors contradict each other: {error:?}"))
        })?;
    }
    Ok(merged)
}

/// A `FileDescriptorSet` whose files keep the options that only their extensions know.
#[derive(prost::Message)]
struct EncodedFiles {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// Notes the `.proto` files below a folder: their import paths and where they are. Links
/// to folders are not followed, so that a circle ends.
fn walk(
    root: &Path,
    folder: &Path,
    names: &mut BTreeSet<String>,
    paths: &mut HashMap<String, PathBuf>,
) -> Result<(), CatalogError> {
    let unreadable = |error: std::io::Error| CatalogError(format!("{}: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(unreadable)?);
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && !hidden {
            walk(root, &path, names, paths)?;
        } else if path.extension().is_some_and(|end| end == "proto") && path.is_file() {
            let relative = path.strip_prefix(root).unwrap_or(&path).components();
            let parts: Vec<_> = relative.map(|part| part.as_os_str().to_string_lossy()).collect();
            let name = parts.join("/");
            paths.entry(name.clone()).or_insert(path);
            names.insert(name);
        }
        if names.len() > FILES_MAX {
            let what = format!("more than {FILES_MAX} .proto files: name a smaller folder");
            return Err(CatalogError(format!("{}: {what}", root.display())));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, CatalogError> {
    std::fs::read(path).map_err(|error| CatalogError(format!("{}: {error}", path.display())))
}

/// The pool that was compiled from the same texts before, or a new one, kept for the next
/// start. A cache that can't be read or written only costs time.
fn cached(
    dir: &Path,
    source: DescriptorSource<'_>,
    paths: &HashMap<String, PathBuf>,
    compile: impl FnOnce() -> Result<DescriptorPool, CatalogError>,
) -> Result<DescriptorPool, CatalogError> {
    let file = dir.join(format!("{}.binpb", digest(source, paths)?));
    if let Ok(bytes) = std::fs::read(&file)
        && let Ok(pool) = DescriptorPool::decode(bytes.as_slice())
    {
        return Ok(pool);
    }
    let pool = compile()?;
    let draft = file.with_extension(format!("{}.draft", std::process::id()));
    let written = make_private(dir)
        .and_then(|()| std::fs::write(&draft, pool.encode_to_vec()))
        .and_then(|()| std::fs::rename(&draft, &file));
    if let Err(error) = written {
        tracing::warn!(%error, path = %file.display(), "could not keep the compiled descriptors");
    }
    Ok(pool)
}

/// A digest of all texts that make the pool, and of the program that compiles them.
fn digest(
    source: DescriptorSource<'_>,
    paths: &HashMap<String, PathBuf>,
) -> Result<String, CatalogError> {
    use sha2::Digest as _;
    let mut digest = sha2::Sha256::new();
    let mut add = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    for (name, text) in longrun_api::SOURCES.iter().chain(source.built_in) {
        add(name.as_bytes());
        add(text.as_bytes());
    }
    for path in source.descriptor_set {
        add(&read(path)?);
    }
    let mut files: Vec<_> = paths.iter().collect();
    files.sort();
    for (name, path) in files {
        add(name.as_bytes());
        add(&read(path)?);
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
