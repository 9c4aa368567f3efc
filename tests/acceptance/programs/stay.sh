# stay.sh STARTS: note the start (and whether this agent runs already), say `up`, stay.
exec 9>>"$1.${AGENTCTL_AGENT%/*}.${AGENTCTL_AGENT#*/}"
flock -n 9 || echo "twice $AGENTCTL_AGENT $AGENTCTL_GENERATION" >>"$1"
echo "$AGENTCTL_AGENT $AGENTCTL_GENERATION $$" >>"$1"
echo up
exec sleep 1000000
