# crash.sh STARTS CODE [WORDS]: note the start, say WORDS, end with CODE; or by signal where CODE is its name.
echo "$AGENTCTL_AGENT $AGENTCTL_GENERATION $$" >>"$1"
echo "${3:-crashing}"
case $2 in
[0-9]*) exit "$2" ;;
*) kill -"$2" $$ ;;
esac
