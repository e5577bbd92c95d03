#!/usr/bin/env bash
# Make (or bring up to date) a virtual environment from a lock file, with the project in it.
#
#   install.sh PYTHON VENV LOCK [PACKAGE...]
#
# The lock's packages and nothing else end up in VENV, then PACKAGEs by pip (for those whose build
# pip's own configuration decides), then the project itself, editable and without its dependencies,
# as the lock names them already. uv installs, pinned in the lock like everything else; where it
# cannot be had, pip does the same, more slowly, and the script says so.
set -euo pipefail

python=$1 venv=$2 lock=$3
shift 3

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: Python 3.11 or later is needed, but $python is $("$python" -V 2>&1);" \
        "name another: make PYTHON=python3.12" >&2
    exit 1
}
wanted=$("$python" -c 'import sys; print(*sys.version_info[:2], sep=".")')

# Remove an environment, and never anything else that a variable may have named by mistake.
remove() {
    if [ -e "$venv" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
        echo "error: $venv is there and is no virtual environment: move it away" >&2
        exit 1
    fi
    rm -rf "$venv"
}

started=$SECONDS
# Whether $venv is a whole virtual environment of the Python that is wanted. It is not where an
# earlier run was interrupted, or where Python came without its venv module's other half.
is_usable() {
    [ "$("$venv/bin/python" -c 'import pip, sys
if sys.prefix != sys.base_prefix: print(*sys.version_info[:2], sep=".")' 2>/dev/null)" = "$wanted" ]
}
if ! is_usable; then
    remove
    "$python" -m venv "$venv" || { remove; exit 1; }
fi
echo "installing $lock into $venv (Python $wanted)"
bin=$venv/bin
# pip refuses to install anywhere but into a virtual environment.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_REQUIRE_VIRTUALENV=1 VIRTUAL_ENV=$PWD/$venv
case $venv in /*) VIRTUAL_ENV=$venv ;; esac

uv=$(grep -E '^uv==' "$lock" | cut -d' ' -f1)
if "$bin/python" -m pip install --quiet "$uv" && "$bin/uv" --quiet pip sync "$lock"; then
    install=("$bin/uv" --quiet pip install)
else
    echo "uv could not install the lock: trying again with pip, which takes about a minute longer"
    "$bin/python" -m pip install --quiet -r "$lock"
    install=("$bin/python" -m pip install --quiet)
fi
if [ $# -gt 0 ]; then
    "$bin/python" -m pip install --quiet "$@"
fi
# setuptools is in the lock: no second environment is made just to build this one package.
"${install[@]}" --no-deps --no-build-isolation -e .
echo "installed in $((SECONDS - started)) s"
