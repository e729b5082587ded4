//! `longrun config show`.

use super::cli;
use crate::program::{longrun, run};

const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn every_value_has_its_origin() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("longrun.toml");
    let text = format!(
        "listen = \"127.0.0.1:1\"\nno_auth = true\nbehind_proxy = true\nproto_path = \"protos\"\n\n\
         [limits]\nburst = 7\nheader_timeout = \"90s\"\n\n\
         [[auth.tokens]]\nsubject = \"alice\"\nsha256 = \"{DIGEST}\"\nscopes = [\"x\"]\n\n\
         [[service]]\nconfig = \"library.yaml\"\n\
         [service.method.\"lib.v1.Library/Build\"]\nretention = \"48h\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let show = |flags: &[&str]| {
        let mut command = longrun(home.path());
        command.args(["config", "show", "--config"]).arg(&file).args(flags);
        command.env("LONGRUN_DATA_DIR", "/data").env("LONGRUN_NO_AUTH", "no");
        let ended = run(command.args(["--listen", "127.0.0.1:2", "--proto-path", "more"]));
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{flags:?}");
        assert!(!ended.stdout.contains(DIGEST), "{}", ended.stdout);
        ended.stdout
    };
    let origins = show(&["--origins"]);
    let place = home.path().display().to_string();
    insta::assert_snapshot!(origins.replace(&place, "HOME"));
    // Without their origins, the same values.
    let values = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(values(&show(&[])), values(&origins));
    // A flag replaces all of the file's services.
    let replaced = show(&["--origins", "--service", "workspaceevents.googleapis.com"]);
    assert!(replaced.contains("config = \"workspaceevents.googleapis.com\"  # --service\n"));
    assert!(!replaced.contains("library.yaml"), "{replaced}");
}

#[test]
fn what_serve_refuses_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let ended = cli(home.path(), "config show --listen 0.0.0.0:1");
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(ended.stderr.contains("must be loopback"), "{}", ended.stderr);
    assert_eq!(cli(home.path(), "config show --origins --config absent").code, Some(1));
    let defaults = cli(home.path(), "config show --origins").stdout;
    assert!(defaults.lines().all(|line| !line.contains(" = ") || line.ends_with("# default")));
    assert!(!home.path().join(".local").exists(), "nothing is made");
}
