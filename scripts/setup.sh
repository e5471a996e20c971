# Sourced by run and test: everything that has to be installed, each step only when it is missing.
# As root, or as a user with sudo; a missing right or tool is named with the command that mends it.

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else
        say "panevisor: packages are missing, and you are neither root nor have sudo. As root, run:"
        say "    apt-get update && apt-get install -y$missing"
        exit 1
    fi
}

# install_packages EXTRAS: Debian's packages; the tests also need a browser and a font
install_packages() {
    missing=""
    command -v tmux >/dev/null || missing="$missing tmux"
    command -v python3 >/dev/null || missing="$missing python3"
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
    if [ "$1" = "[test]" ]; then
        command -v chromium >/dev/null || missing="$missing chromium"
        ls /usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf >/dev/null 2>&1 || missing="$missing fonts-dejavu-core"
    fi
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    command -v apt-get >/dev/null || { say "panevisor: no apt-get here; install$missing with your package tool"; exit 1; }
    as_root apt-get -qq update
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >/dev/null
}

check_python() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' && return
    say "panevisor: python3 is $(python3 -V 2>&1), 3.11 or newer is needed (Debian 12 and later have it)"
    exit 1
}

# install_venv EXTRAS: make .venv and install this tree into it, unless that is done for this very setup.cfg
install_venv() {
    want="$(cat setup.cfg pyproject.toml | cksum)"
    exec 9>.setup.lock
    flock 9
    case "$(cat .venv/.installed 2>/dev/null)" in "$want"|"$want [test]") have=yes ;; *) have=no ;; esac
    [ -z "$1" ] || [ "$(cat .venv/.installed 2>/dev/null)" = "$want $1" ] || have=no
    if [ $have = no ]; then
        if [ -x .venv/bin/python ]; then say "updating .venv"; else say "making .venv (about 20 s)"; fi
        [ -x .venv/bin/python ] || python3 -m venv .venv
        # Python compiles what is used when it is used; most of what the extras bring never is
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -e ".$1"
        printf '%s' "$want${1:+ $1}" > .venv/.installed
    fi
    exec 9>&-
}

set_up() {
    install_packages "$1"
    check_python
    install_venv "$1"
}
