#!/bin/sh
# tree.sh FOLDER KIND [ARGUMENT …]: a tree of processes with a heartbeat in it, which does KIND until it is ended.
# SPIN, BEAT and BURST are the commands of the programs beside this file. Only the root's children work: its own pid
# stands in FOLDER/pid.
folder=$1 kind=$2
shift 2
echo $$ >"$folder/pid.new" && mv "$folder/pid.new" "$folder/pid"
$BEAT "$folder/beats" &

case $kind in
spinner) $SPIN ;;
four)
    for _ in 1 2 3 4; do $SPIN & done
    wait ;;
storm)  # each child lives for about a millisecond
    for _ in 1 2 3 4; do (while :; do /bin/true; done) & done
    wait ;;
bursty) $BURST "$folder/bursts" "$@" ;;
compile)
    while :; do make -s -j2 -C "$folder/build" clean all; done ;;
bytecode)  # PYTHON is an interpreter, and FOLDER/build a copy of its library
    while :; do $PYTHON -m compileall -q -f -j2 "$folder/build"; done ;;
idle) sleep 1000000 ;;
*) echo "tree.sh: $kind is not known" >&2; exit 2 ;;
esac
