#!/bin/sh
# Makes .venv with everything that is pinned in requirements-dev.txt. The Makefile calls it when that file or pyproject.toml
# is newer than the stamp .venv/.ready; `sh local/setup.sh find-python` only names the interpreter it would use.
# Knows nothing of the product. POSIX sh, for it runs before anything of ours is installed.
set -eu

cd "$(dirname "$0")/.."
WANTED=3.13
PRIVATE_UV=.local/uv # ignored by git, outside .venv so that a new .venv does not throw it away

say() { printf '%s\n' "setup: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

is_new_enough() { # a pyenv shim is on PATH but fails when its version is not chosen, so each candidate has to prove itself
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 13))' >/dev/null 2>&1
}

pinned() { # the lines of requirements-dev.txt that pin one package, with its hashes
    awk -v start="^$1==" '$0 ~ start { on = 1; print; next } /^[^ ]/ { on = 0 } on' requirements-dev.txt
}

uv_on_hand() {
    for candidate in .venv/bin/uv "$PRIVATE_UV/bin/uv" uv; do
        if "$candidate" --version >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

find_python() {
    for candidate in python$WANTED python3.14 python3 python "${HOME:-/nonexistent}"/.pyenv/versions/3.1[3-9]*/bin/python; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    uv=$(uv_on_hand) || return 1
    # uv stops at the first broken interpreter on PATH (a pyenv shim), so it is asked for its own ones only
    found=$("$uv" python find --managed-python ">=$WANTED" 2>/dev/null) && is_new_enough "$found" && printf '%s\n' "$found"
}

install_uv_privately() { # with any Python at all; succeeds when $PRIVATE_UV/bin/uv works
    mkdir -p "$PRIVATE_UV"
    pinned uv >"$PRIVATE_UV/requirements.txt"
    for any in python3 python; do
        "$any" -m venv "$PRIVATE_UV" >/dev/null 2>&1 || continue
        "$PRIVATE_UV/bin/python" -m pip install -q --require-hashes -r "$PRIVATE_UV/requirements.txt" >&2 && return
    done
    return 1
}

install_python() {
    say "no Python $WANTED or later found; letting uv install one"
    uv_on_hand >/dev/null || install_uv_privately ||
        fail "install Python $WANTED or later (https://www.python.org/downloads/) or uv (https://docs.astral.sh/uv/), then run this again"
    "$(uv_on_hand)" python install -q $WANTED >&2 ||
        fail "uv could not install Python $WANTED; install it yourself (https://www.python.org/downloads/), then run this again"
    find_python || fail "uv installed Python $WANTED but does not find it again; install Python $WANTED yourself"
}

make_venv() {
    if [ -e .venv ] && is_new_enough .venv/bin/python; then
        return
    fi
    python=$(find_python) || python=$(install_python)
    say "making .venv with $python"
    rm -rf .venv
    if uv=$(uv_on_hand); then
        "$uv" venv -q --python "$python" .venv
    else
        "$python" -m venv .venv || {
            rm -rf .venv
            fail "$python cannot make a virtual environment: on Debian and Ubuntu, apt-get install python3-venv; then run this again"
        }
    fi
}

put_uv_into_venv() { # the pinned version, so that everybody resolves and installs alike
    version=$(pinned uv | sed -n 's/^uv==\([^ ;]*\).*/\1/p')
    case "$(.venv/bin/uv --version 2>/dev/null)" in "uv $version"*) return ;; esac
    pinned uv >.venv/uv-requirements.txt
    if uv=$(uv_on_hand); then
        "$uv" pip install -q --python .venv/bin/python --require-hashes -r .venv/uv-requirements.txt
    else
        .venv/bin/python -m pip install -q --require-hashes -r .venv/uv-requirements.txt
    fi
}

check_compiler() { # the AMQP library is compiled on Linux; elsewhere there are wheels
    [ "$(uname -s)" = Linux ] || return 0
    ! .venv/bin/python -c 'import cproton' 2>/dev/null || return 0
    command -v "${CC:-cc}" >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null ||
        fail "python-qpid-proton needs a C compiler: on Debian and Ubuntu, apt-get install gcc python3-dev; on Fedora, dnf install gcc python3-devel"
    headers=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))')
    [ -e "$headers/Python.h" ] ||
        fail "python-qpid-proton needs Python's headers ($headers/Python.h): on Debian and Ubuntu, apt-get install python3-dev; on Fedora, dnf install python3-devel"
}

case "${1:-}" in
find-python)
    find_python || fail "no Python $WANTED or later found"
    ;;
check-compiler)
    check_compiler
    ;;
'')
    make_venv
    check_compiler
    put_uv_into_venv
    .venv/bin/uv pip sync -q --python .venv/bin/python --require-hashes requirements-dev.txt
    touch .venv/.ready
    ;;
*)
    fail "unknown argument $1"
    ;;
esac
