# Sets the program up in .venv of the source tree; run and test source this file.
#
#   set_up EXTRAS     EXTRAS: "" to run the program, "dev" to test it, "packaging" to bundle it
#
# Quiet when all is well, one clear message and exit 1 when not. Done once: a stamp remembers
# the versions asked for, so that the next call takes no time.
#
#   PYTHON=python3.12          the interpreter to use (3.11 or newer)
#   TORCH_INDEX=URL            take torch from this package index
#   TORCH_INDEX=default        take torch from pip's own index (on Linux: with CUDA, several GB)

ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
VENV=$ROOT/.venv
BIN=$VENV/bin
TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu

say() { printf '%s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

# The packages are named once, as Debian and Ubuntu call them, beside the library that tells
# whether they are there: package names differ between releases, sonames do not.
LIBRARIES="
libEGL.so.1            libegl1
libGL.so.1             libgl1
libgthread-2.0.so.0    libglib2.0-0
libfontconfig.so.1     libfontconfig1
libdbus-1.so.3         libdbus-1-3
libxkbcommon.so.0      libxkbcommon0
libxkbcommon-x11.so.0  libxkbcommon-x11-0
libxcb-cursor.so.0     libxcb-cursor0
libxcb-icccm.so.4      libxcb-icccm4
libxcb-image.so.0      libxcb-image0
libxcb-keysyms.so.1    libxcb-keysyms1
libxcb-randr.so.0      libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0      libxcb-shape0
libxcb-sync.so.1       libxcb-sync1
libxcb-xfixes.so.0     libxcb-xfixes0
libxcb-xkb.so.1        libxcb-xkb1
"

# Print the packages whose library the loader does not know.
missing_libraries() {
    [ "$(uname -s)" = Linux ] || return 0
    known=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p) || return 0
    printf '%s' "$LIBRARIES" | while read -r soname package; do
        [ -z "$soname" ] && continue
        case $known in *"$soname "*) ;; *) printf '%s ' "$package" ;; esac
    done
}

# Print the first interpreter that is 3.11 or newer.
find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
}

# Install Debian packages when allowed to, otherwise say what to type.
install_packages() {
    if ! command -v apt-get >/dev/null; then
        fail "Missing: $*(names as in Debian). Install them with this system's package manager, then start again."
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        fail "Some system packages are missing. Type:" "
    sudo apt-get update && sudo apt-get install --yes --no-install-recommends $*

then start again."
    fi
    say "Installing system packages: $*"
    log=$(mktemp)
    # An old package list may name versions that are gone; a broken mirror of something else
    # must not stop the installation.
    { $as_root apt-get update || true
      # shellcheck disable=SC2086  # empty for root
      $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends "$@"
    } >"$log" 2>&1 </dev/null || { tail -n 15 "$log" >&2; rm -f "$log"; fail "apt-get could not install: $*"; }
    rm -f "$log"
}

pip_install() {
    "$BIN/python" -m pip install --quiet --quiet --disable-pip-version-check \
        --constraint "$ROOT/packaging/constraints.txt" "$@"
}

# Whether pip, as configured here, would fetch a torch without CUDA.
torch_is_small() {
    [ "$(uname -s)" = Linux ] || return 0
    pip_install --dry-run --no-deps --report - torch 2>/dev/null | grep -q '"version": "[^"]*+cpu"'
}

install_torch() {
    # Installed already, or at hand in a local folder that pip is configured to look into.
    if pip_install --dry-run --no-deps --no-index torch >/dev/null 2>&1; then return; fi
    case ${TORCH_INDEX:-} in
        default) ;;
        ?*) pip_install --no-deps --index-url "$TORCH_INDEX" torch || fail "No torch from $TORCH_INDEX." ;;
        *)
            torch_is_small ||
                pip_install --retries 1 --timeout 15 --no-deps --index-url "$TORCH_CPU_INDEX" torch 2>/dev/null ||
                say "The build of torch without CUDA cannot be reached; pip takes the one with CUDA (several GB)."
            ;;
    esac
}

set_up() {
    extras=$1
    stamp="$ROOT $(cat "$ROOT/pyproject.toml" "$ROOT/packaging/constraints.txt" "$ROOT/packaging/setup.sh" | cksum)"
    # Every extra holds all that is needed to run.
    for done in "$VENV"/stamp-${extras:-*}; do
        if [ "$(cat "$done" 2>/dev/null)" = "$stamp" ]; then return; fi
    done

    packages=$(missing_libraries)
    python=$(find_python)
    if [ -z "$python" ]; then
        [ -z "${PYTHON:-}" ] || fail "PYTHON=$PYTHON is not Python 3.11 or newer."
        if command -v python3 >/dev/null; then
            packages="${packages}python3.11 python3.11-venv"  # Ubuntu 22.04 keeps it beside 3.10
        else
            packages="${packages}python3 python3-venv"
        fi
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian splits venv off, one package per Python version.
        packages="${packages}$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    # shellcheck disable=SC2086  # a list of words
    [ -z "$packages" ] || install_packages $packages
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.11 or newer is needed and this system offers an older one:" \
        "install a newer one, then start again with PYTHON=/path/to/it."

    say "Setting up in .venv (once; a few minutes) …"
    # A virtual environment knows its own path: made anew when the source tree has moved.
    if [ "$(cat "$VENV/made-for" 2>/dev/null)" != "$ROOT" ]; then
        "$python" -m venv --clear "$VENV" || fail "The virtual environment $VENV could not be made."
        printf '%s\n' "$ROOT" >"$VENV/made-for"
    fi
    install_torch
    pip_install hatchling editables &&
        pip_install --no-build-isolation --editable "$ROOT${extras:+[$extras]}" ||
        fail "Setting up failed; pip's message is above. Nothing outside .venv was changed by pip."
    printf '%s\n' "$stamp" >"$VENV/stamp-${extras:-run}"
}
