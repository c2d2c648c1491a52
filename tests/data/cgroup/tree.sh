# What a cgroup2 hierarchy does, told in lines that are the same everywhere: $R is where it is mounted.
# Run by tests/script/cgroup_tree in an instance, and on the machine itself where that can be.
N=skep-tree-$$
C=$R/$N
say() { echo "$*" | sed "s,$R,R,g; s,$N,N,g"; }
# Its words, on one line; then its status.
try() {
	local out status
	out=$("$@" 2>&1)
	status=$?
	say "$(printf '%s' "$out" | sed 's/.*write error: /write: /; s/^.*: line [0-9]*: //' | tr '\n' '|') $status"
}
try mkdir "$C"
try mkdir "$C"
try mkdir "$C/none/b"
cd "$C"
say "$(pwd) $(/bin/pwd)"
stat -f -c %T .
stat -c '%A %n' . cgroup.events cgroup.kill cgroup.max.depth cgroup.procs cgroup.subtree_control cgroup.type | tr '\n' ' '
echo
for f in events max.depth max.descendants procs subtree_control threads type; do echo "$f: $(tr '\n' ' ' <cgroup.$f)"; done
grep -E '^nr_(dying_)?descendants' cgroup.stat | tr '\n' ' '
echo
try touch x
try rm cgroup.procs
try mv cgroup.procs y
try ln -s a b
try ln cgroup.procs c
try chmod 600 cgroup.nothing
try bash -c 'cat <nothing'
w() { try bash -c "echo '$2' >cgroup.$1"; }
w subtree_control +nothing
w subtree_control +memory
w subtree_control -memory
w subtree_control memory
w subtree_control ''
w procs abc
w procs 99999999
w procs -5
w procs ''
w threads 0
w type domain
w max.depth 1
w max.depth -1
w max.depth none
w max.descendants 2
cat cgroup.max.depth cgroup.max.descendants | tr '\n' ' '
echo
try mkdir a
try mkdir a/b
try mkdir b
try mkdir c
w max.depth max
w max.descendants max
try mkdir a/b
try rmdir .
try rmdir ../"$N"
try rmdir a
try rmdir cgroup.procs
try rmdir a/b
try rmdir a/nothing
echo "descendants: $(sed -n 's/^nr_descendants //p' cgroup.stat)"
# Members.
sleep 15 &
s=$!
echo $s >a/cgroup.procs
say "$(grep ^0:: /proc/$s/cgroup) $([ "$(cat a/cgroup.procs)" = $s ] && echo alone) $([ "$(cat a/cgroup.threads)" = $s ] && echo alone)"
echo "populated: $(sed -n 1p cgroup.events), a $(sed -n 1p a/cgroup.events), b $(sed -n 1p b/cgroup.events)"
try rmdir a
echo $s >b/cgroup.procs
say "$(grep ^0:: /proc/$s/cgroup) $(wc -l <a/cgroup.procs) $(wc -l <b/cgroup.procs)"
w kill 2
echo 1 >b/cgroup.kill
wait $s 2>/dev/null
echo "killed: $?"
echo "populated: $(sed -n 1p cgroup.events)"
# What a member begins is one, too.
say "$(bash -c 'echo 0 >a/cgroup.procs; grep ^0:: /proc/self/cgroup; (sh -c "grep ^0:: /proc/self/cgroup")' | tr '\n' ' ')"
printf $$ >a/cgroup.procs
say "$(grep ^0:: /proc/$$/cgroup)"
echo $$ >"$R/cgroup.procs"
say "$(grep ^0:: /proc/$$/cgroup)"
exec 5>a/cgroup.procs
try rmdir a
try bash -c 'echo 0 >&5'
exec 5>&-
cd /
try rmdir "$C/b" "$C"
try ls "$C"
