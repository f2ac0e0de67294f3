# What bash reads in a terminal of a service: a prompt with the name of the service, because the account has none; then its own settings.
PS1='\[\e[1m\]${KNOT_SERVICE:-service}\[\e[0m\]:\w\$ '
if [ -r ~/.bashrc ]; then . ~/.bashrc; fi
