#!/bin/sh
# Gives up root before anything of ours runs: the ordinary user `node`, with the two capabilities that the appliance
# needs and no way to more. As another user (compose's `user:`) there is nothing to give up.
set -eu
[ "$(id -u)" = 0 ] || exec "$@"
keep=+net_bind_service,+net_raw
exec setpriv --reuid=node --regid=node --clear-groups --no-new-privs \
  --inh-caps=-all,$keep --ambient-caps=-all,$keep --bounding-set=-all,$keep -- "$@"
