#!/bin/bash
# The first process of a node's own namespaces: `namespaces.sh FOLDER`. Makes them a machine of their own, says "ready" and stays
# until it is killed, which ends everything in them.
set -eu
folder=$1

# Nothing that is mounted from here on is seen outside.
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/lock /run/netns /run/lib/upper /run/lib/work /var/log/pods /var/log/containers
# What is made below /var/lib goes away with the namespaces; what is there stays visible.
mount -t overlay overlay -o lowerdir=/var/lib,upperdir=/run/lib/upper,workdir=/run/lib/work /var/lib
for name in kubelet containerd cni; do
  mkdir -p "$folder/$name" "/var/lib/$name"
  mount --bind "$folder/$name" "/var/lib/$name"
done

# No name server is reached from here: asked at this address, one is refused at once and not waited for.
echo 'nameserver 127.0.0.1' > "$folder/resolv.conf"
names=$(readlink -f /etc/resolv.conf || true)
case $names in /run/*) mkdir -p "$(dirname "$names")" && touch "$names" ;; esac
if [ -e "$names" ]; then mount --bind "$folder/resolv.conf" "$names"; fi

# Names that a test gives addresses inside (start.ts, `knowRegistry`).
cat /etc/hosts > "$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts

# The kubelet would set these for the whole machine. Shown files that hold the wanted values already, it leaves them alone.
mkdir -p "$folder/sys"
show() {
  echo "$2" > "$folder/sys/${1//\//_}"
  mount --bind "$folder/sys/${1//\//_}" "/proc/sys/$1"
}
show vm/overcommit_memory 1
show vm/panic_on_oom 0
show kernel/panic 10
show kernel/panic_on_oops 1
show kernel/keys/root_maxkeys 1000000
show kernel/keys/root_maxbytes 25000000
# Pods get their volumes by mounts that spread from here into theirs.
mount --make-rshared /

hostname knode
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
# A bridge without ports is an interface that every kernel has.
ip link add node0 type bridge
ip addr add 10.99.0.1/24 dev node0
ip link set node0 up
ip route add default dev node0

echo ready
trap 'exit 0' TERM
while :; do
  sleep 1000 &
  wait $!
done
