#!/bin/sh
# Runs a command that sees one directory in the place of another: bench/mounted.sh DIRECTORY PLACE COMMAND...
mount --bind "$1" "$2" || exit 1
shift 2
exec "$@"
