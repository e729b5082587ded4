# What scripts install; to be sourced from the root of the repository.

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
venv=$target/tools/venv
node_modules=$target/tools/npm/node_modules

# debian PACKAGE: installs a Debian package, or says that it is missing.
debian() {
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    echo "install the Debian package $1, or run this as root" >&2
    return 1
  fi
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$1"
}

# c_compiler: SQLite is compiled from its source.
c_compiler() {
  command -v cc >/dev/null || debian build-essential
}

# shell_tools: what the documents' commands use.
shell_tools() {
  command -v curl >/dev/null || debian curl
  command -v jq >/dev/null || debian jq
}

# terminal: the program is run in one, too.
terminal() {
  command -v tmux >/dev/null || debian tmux
}

# python_clients: Google's clients in an environment of their own, at $venv.
python_clients() {
  python3 -c 'import ensurepip, venv' 2>/dev/null || debian python3-venv
  [[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
}

# node_clients: Google's clients and their protos, in $node_modules.
node_clients() {
  mkdir -p "$target/tools/npm"
  cp tests/clients/node/package.json "$target/tools/npm"
  npm install --silent --no-save --no-package-lock --ignore-scripts --no-audit --no-fund \
    --prefix "$target/tools/npm"
}
