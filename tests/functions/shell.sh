#!/usr/bin/dash
# A script with pipes, run by its name: dynamic programs, an interpreter, a here-document.
cd "$2" || exit 1
echo one two >a
/usr/bin/cat a | /usr/bin/tr o 0 | /usr/bin/wc -c >b
read -r n <b
/usr/bin/cat >c <<EOF
$n lines
EOF
while read -r word rest; do
	[ "$word" = 8 ] && echo "$rest" >d
done <c
(exit 4)
echo $? >>d
/usr/bin/rm a b c d
exit 6
