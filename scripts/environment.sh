# Sourced by the scripts beside it. `environment FOLDER EXTRAS` makes a virtual environment in FOLDER with
# voicekit and EXTRAS in it, at the versions of constraints.txt. Quick when nothing has changed since.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fingerprint() { # of all that decides what is installed
    { echo "$1 $root"; "$python" --version; cat "$root/setup.cfg" "$root/scripts/constraints.txt"; } | cksum
}

environment() {
    local folder=$1 extras=$2 python=${PYTHON:-python3} stamp
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "voicekit needs Python 3.11 or newer; $python is $("$python" --version 2>&1)." >&2
        echo "  Say which one to use, for example: PYTHON=python3.12 $0" >&2
        exit 2
    fi
    stamp=$(fingerprint "$extras")
    if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
        return
    fi
    echo "Installing voicekit$extras into $folder ..." >&2
    rm -f "$folder/stamp"
    if ! "$python" -m venv "$folder" >&2; then
        echo "  On Debian and Ubuntu: apt install python3-venv" >&2
        exit 2
    fi
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$root/scripts/constraints.txt" --editable "$root$extras" >&2
    echo "$stamp" > "$folder/stamp"
}
