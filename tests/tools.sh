# What scripts install; to be sourced from the root of the repository.

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
venv=$target/tools/venv

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

# python_clients: Google's clients in an environment of their own, at $venv.
python_clients() {
  python3 -c 'import ensurepip, venv' 2>/dev/null || debian python3-venv
  [[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
}
