"""Statements: the tables of statement templates, in the language of `templates`.

LINES: one per line, `weight template`. BLOCKS: several lines each, under a header `@ weight`. Flags before the
weight: `!` may raise, `L` only inside a loop, `F` only inside a function, `N` not inside a loop. Statements that shrink
a variable stay out of loops unless `S` says that they look before they pop. `K:n` after a header: $n is set for sure.
PRELUDES: classes that a template names with `$Ctx`, put at the top of the program that uses them.
"""

from __future__ import annotations

from typing import Final

ASSIGNMENTS: Final = """
8 $n:int = <int>
2 $n:nat = <nat>
6 $s:str = <str>
2 $s:str1 = <str1>
2 $c:char = <char>
3 $b:bool = <bool>
3 $x:float = <float>
5 $v:ints = <ints>
3 $v:strs = <strs>
1.5 $v:ints1 = <ints1>
1 $v:strs1 = <strs1>
0.6 $v:floats = <floats>
0.4 $v:bools = <bools>
0.8 $v:grid = <grid>
0.5 $v:rows = <rows>
1 $v:pairs = <pairs>
0.8 $v:points = <points>
2.5 $d:dsi = <dsi>
0.8 $d:dis = <dis>
0.8 $d:dss = <dss>
0.8 $d:dii = <dii>
0.5 $d:dsl = <dsl>
2 $v:iset = <iset>
0.2 $v:sset = <sset>
1.2 $t:ituple = <ituple>
0.8 $t:stuple = <stuple>
0.6 $t:pair = <pair>
0.8 $t:point = <point>
0.6 $b:bytes = <bytes>
0.4 $v:any = <any>
"""

LINES: Final = """
2 $v:ints = []
1 $v:strs = []
1.5 $s:str = ''
2.5 $n:int = 0
1.5 $d:dsi = {}
0.4 $d:dii = {}
0.5 $v:iset = set()
0.6 $a:int = $b:int = <int>
0.4 $a:int = 1; $b:int = <int>
0.3 $a:int: int = <int>
0.2 $s:str: str = <str>
0.2 $v:ints: list[int] = <ints>
2 $a:int, $b:int = <int>, <int>
1 $a:int, $b:str = <int>, <str>
0.8 $a:str, $b:int = <pair>
1.2 $a:int, $b:int = <point>
0.6 ($a:int, $b:int) = <point>
0.4 [$a:int, $b:int] = [<int>, <int>]
0.8 $a:int, *$b:ints = <ints1>
0.6 *$a:ints, $b:int = <ints1>
0.4 $a:int, *$b:ints, $c:int = [<int>, *<ints>, <int>]
0.4 $a:char, *$b:strs = <str1>
0.5 ($a:int, $b:int), $c:str = <point>, <str>
0.4 $a:int, ($b:str, $c:int) = <int>, <pair>
0.6 $a:int, $b:int = divmod(<int>, <nz>)
0.6 $a:str, $b:str, $c:str = <str>.«partition¦rpartition»(<char>)
1.2 &a:int, &b:int = $b, $a
0.6 &a:str, &b:str = $b, $a
0.5 &a:int, &b:int = $b, $a + <int>
0.3 &a:ints, &b:ints = $b, $a
!0.6 $a:int, $b:int = <ints>
!0.3 $a:str, $b:str = <str>.split(<char>)
3 &n:int = <int>
2 &s:str = <str>
0.8 &b:bool = <bool>
0.8 &x:float = <float>
5 &n:int += <int>
2 &n:int -= <int>
1.2 &n:int *= <small>
0.8 &n:int //= <nz>
0.8 &n:int %= <nz>
0.9 &n:int «&¦|¦^»= <int>
0.3 &n:int >>= <nat>
0.2 &n:int <<= 1
N0.2 &n:int **= 2
2 &n:int += int(<bool>)
1.5 &n:int += <str>.count(<char>)
1.5 &n:int += 1 if <bool> else <int>
1 &n:int += <bool>
0.8 &n:int += (<int>, <int>)[<int> % 2]
0.6 &n:int = «max¦min»($n, <int>)
0.5 &n:int = $n * <small> + <int>
0.4 &n:int = -$n
1 &x:float += <N>
0.4 &x:float *= <float>
0.4 &x:float -= <nz>
1.2 &x:float /= <nz>
4 &s:str += <char>
2 &s:str += <str>
1 &s:str = $s + <char>
1 &s:str = <char> + $s
N0.5 &s:str *= 2
0.8 &s:str = $s.«strip¦upper¦lower¦title¦swapcase¦capitalize¦lstrip¦rstrip»()
0.6 &s:str = $s.replace(<char>, <str>)
0.5 &s:str = $s[«1:¦:-1¦::-1»]
1.5 &v:ints.append(<int>)
2.5 &v:ints.append(<int>)
2 &v:strs.append(<str>)
0.8 &v:floats.append(<float>)
0.5 &v:bools.append(<bool>)
0.8 &v:grid.append(<ints>)
1 &v:pairs.append((<str>, <int>))
1 &v:points.append((<int>, <int>))
0.8 &v:points.append((~l:ints.count(<int>), <int>))
0.4 &v:rows.append(<strs>)
1 &v:L.extend(<L>)
0.8 &v:L += <L>
0.4 &v:L += [<E>]
1 &v:L.insert(<nat>, <E>)
0.6 &v:L.insert(0, <E>)
0.3 &v:L.insert(-1, <E>)
1 &v:L.reverse()
1.2 &v:L.sort()
1 &v:L.sort(reverse=True)
0.6 &v:L.sort(key=lambda $x:E: <O:x>)
0.4 &v:L.sort(key=lambda $x:E: <O:x>, reverse=<bool>)
0.4 &v:strs.sort(key=len)
0.3 &v:strs.sort(key=str.lower)
0.3 &v:ints.sort(key=lambda $x:int: -$x)
0.8 &v:L1.pop()
0.8 &v:L1.pop(0)
0.4 &v:L1.pop(-1)
!1 &v:L.pop(<nat>)
!0.8 &v:ints.remove(<int>)
!0.4 &v:strs.remove(<str>)
0.8 $x:E = &v:L1.pop()
0.5 $x:E = &v:L1.pop(0)
!0.5 $x:E = &v:L.pop(<nat>)
!0.3 $x:E = &v:L.pop()
0.3 &v:L.clear()
0.8 &v:L1[«0¦-1»] = <E>
0.6 &v:ints1[«0¦-1»] «+¦-¦*»= <small>
0.6 &v:ints1[<int> % len($v)] = <int>
!0.6 &v:ints[<nat>] = <int>
!0.4 &v:ints[<nat>] += <int>
!0.4 &v:grid[<nat>][<nat>] = <int>
0.5 &v:L[«1:¦:1¦1:2¦:0¦-1:¦:-1¦:¦:2»] = <L>
0.5 &v:ints[:] = <ints>
0.4 &v:L1[0], $v[-1] = $v[-1], $v[0]
0.6 del &v:L1[«0¦-1»]
0.5 del &v:L[«1:¦:1¦-1:¦::2¦1:2¦<nat>:»]
!0.5 del &v:ints[<nat>]
!0.4 del &d:dsi[<str>]
N0.3 del &n:int
N0.2 del &a:str, &b:int
3 &d:D[<K>] = <V>
2.5 &d:dsi[<str>] = $d.get(<str>, 0) + <int>
1 &d:dii[<int>] = $d.get(<int>, 0) + 1
!0.8 &d:dsi[<str>] += <int>
!0.3 &d:dii[<int>] -= <int>
0.6 &d:dsi.update(<dsi>)
0.4 &d:D.update({<K>: <V>})
0.3 &d:dsi.update(a=<int>)
0.3 &d:dsi |= <dsi>
0.6 &d:D.setdefault(<K>, <V>)
1 &d:dsl.setdefault(<str>, []).append(<int>)
0.4 $x:V = &d:D.setdefault(<K>, <V>)
0.5 $x:int = &d:dsi.pop(<str>, <int>)
!0.5 $x:int = &d:dsi.pop(<str>)
0.4 &d:D.pop(<K>, None)
0.8 $k:K, $v:V = &d:D1.popitem()
!0.2 $k:K, $v:V = &d:D.popitem()
0.6 &d:D1.popitem()
0.2 &d:D.clear()
1 &v:iset.add(<int>)
2.5 &v:iset.discard(<int>)
1.5 &v:iset.«intersection_update¦difference_update¦symmetric_difference_update»(<iset>)
!0.3 &v:iset.remove(<int>)
0.4 &v:iset.update(<ints>)
0.4 &v:iset «|¦&¦-¦^»= <iset>
0.2 &v:sset.add(<char>)
0.3 &t:ituple += (<int>,)
0.3 &t:ituple = $t + (<int>, )
0.3 &b:bytes += <bytes>
1.2 assert <bool> or True
0.6 assert len(<C>) >= 0
0.6 assert isinstance(~v:int, int), <str>
!1 assert <bool>
!0.5 assert <bool>, <str>
0.8 pass
0.8 print(<A>)
0.6 print(<str>, <int>)
0.3 print(<A>, <A>, sep=<str>)
0.2 print(<str>, end='')
F1.5 if <bool>: return <ret>
F1 if not <C>: return <ret>
1.2 if <bool>: &n:int += <int>
0.6 if <bool>: &v:ints.append(<int>)
0.5 if <bool>: &s:str += <char>
0.3 for $i:nat in range(<nat>): &n:int += $i
0.3 for $x:char in <str>: pass
0.3 for $x:char in <str>: &n:int += int(<bool:x>)
0.3 for $i:nat in range(<nat>): &v:ints.append(<int:i>)
L1.2 if <bool>: continue
L1.2 if <bool>: break
!0.4 if <bool>: raise «ValueError¦KeyError¦TypeError¦RuntimeError¦IndexError»(<str>)
0.5 $f:fn = lambda $x:int: <int:x>
0.3 $x:any = None
0.3 $i:it = iter(<ints1>); $n:int = next($i)
0.2 $n:int = next(iter(<ints>), <int>)
0.2 $z:any = <int>, <str>
0.3 $a:int, $b:int, $c:int = <int>, <int>, <int>
0.2 $a:int = $b:int = $c:int = 0
0.3 ($n:int := <int>)
"""

BLOCKS: Final = """
@ 5
if <bool>:
    BLOCK

@ 4
if <bool>:
    BLOCK
else:
    BLOCK

@ 2
if <bool>:
    BLOCK
elif <bool>:
    BLOCK
else:
    BLOCK

@ 0.6
if <bool>:
    BLOCK
elif <bool>:
    BLOCK
elif <bool>:
    BLOCK

@ 0.5
if <A>:
    BLOCK

@ 0.8
if ($n:int := <int>) > <int>:
    BLOCK

@ 0.4
if (($n:int := len(<C>)) «>¦<¦==» <nat>) «and¦or» <bool>:
    BLOCK

@ 0.3
if $n:int := <int>:
    BLOCK

@ 5
for $x:I in <Q>:
    BLOCK

@ 3
for $i:nat in range(<nat>):
    BLOCK

@ 1
for $i:nat in range(«<nat>, <nat>¦<pos>, <small>¦0, <small>, <pos>¦<small>, 0, -1¦1, <nat> + 1»):
    BLOCK

@ 2.5
for $i:nat, $x:I in enumerate(<Q>):
    BLOCK

@ 0.6
for $i:nat, $x:I in enumerate(<Q>, «1¦start=1¦<nat>»):
    BLOCK

@ 1
for $i:nat in range(len(~v:ints)):
    $x:int = $v[$i]
    BLOCK

@ 0.8
for $i:nat in range(len(~v:str)):
    if $v[$i] «==¦!=¦<¦>» <char>:
        BLOCK

@ 0.6
for $i:nat in range(len(~v:ints) - 1):
    if $v[$i] «>¦<¦==¦<=» $v[$i + 1]:
        BLOCK

@ 2
for $k:K, $v:V in <D>.items():
    BLOCK

@ 1
for $k:K in <D>:
    BLOCK

@ 0.5
for $k:str in ~d:dsi:
    $x:int = $d[$k]
    BLOCK

@ 0.4
for $k:str in sorted(~d:dsi):
    &n:int += $d[$k]

@ 0.5
for $v:int in <dsi>.values():
    BLOCK

@ 1
for $a:int, $b:int in zip(<ints>, <ints>):
    BLOCK

@ 0.6
for $a:char, $b:char in zip(<str>, <str>):
    BLOCK

@ 0.5
for $a:str, $b:int in <pairs>:
    BLOCK

@ 0.5
for $i:nat, ($a:str, $b:int) in enumerate(<pairs>):
    BLOCK

@ 0.5
for $x:char in reversed(<str>):
    BLOCK

@ 0.5
for $x:I in sorted(<Q>):
    BLOCK

@ 0.4
for $x:str in <str>.split():
    BLOCK

@ 0.4
for $x:int in (<int>, <int>, <int>):
    BLOCK

@ 0.4
for $x:str in [<str>, <str>]:
    BLOCK

@ 0.5
for $a:ints in <grid>:
    for $b:int in $a:
        BLOCK

@ 0.6
for $i:nat in range(<pos>):
    for $j:nat in range(«<pos>¦$i¦$i, <pos>»):
        BLOCK

@ 1.5
for $x:I in <Q>:
    if <bool:x>:
        BLOCK
    else:
        BLOCK

@ 1.2
for $x:I in <Q>:
    if <bool:x>:
        continue
    BLOCK

@ 1.2
for $x:I in <Q>:
    if <bool:x>:
        break
    BLOCK

@ 1
for $x:I in <Q>:
    if <bool:x>:
        break
else:
    BLOCK

@ 0.5
for $x:I in <Q>:
    if <bool:x>:
        BLOCK
        break
    BLOCK
else:
    BLOCK

@ 1
for $c:char in <str>:
    if <bool:c>:
        &n:int += <int:c>
    elif <bool:c>:
        &n:int -= 1

@ 1
for $c:char in <str>:
    &n:int += int($c == <char>)

@ 1.2
for $c:char in <str>:
    if $c == <char>:
        &n:int += 1

@ 1
for $c:char in <str>:
    &d:dsi[$c] = $d.get($c, 0) + 1

@ 0.6
for $x:int in <ints>:
    &d:dii[$x] = $d.get($x, 0) + <int:x>

@ 0.6
for $c:char in <str>:
    if $c in &d:dsi:
        $d[$c] += 1
    else:
        $d[$c] = 1

@ 0.5
for $c:char in <str>:
    if $c not in &d:dsi:
        $d[$c] = 0
    $d[$c] += <int:c>

@ 1
for $c:char in <str>:
    &s:str += <char:c>

@ 0.6
for $c:char in <str>:
    &s:str = $c + $s

@ 0.6
for $x:int in <ints>:
    if $x not in &v:ints:
        $v.append($x)

@ S0.4
for $x:int in <ints>:
    if $x in &v:iset:
        BLOCK
    $v.add($x)

@ 0.5
for $x:int in <ints>:
    if $x > &m:int:
        $m = $x

@ 1.5
$i:nat = 0
while $i < <bound>:
    BLOCK
    $i += 1

@ 0.6
$i:nat = 0
while $i < len(~v:ints):
    if $v[$i] «%¦&» <pos>:
        BLOCK
    $i += «1¦1¦2»

@ 0.6
$i:nat = 0
while $i < len(~v:str) and $v[$i] «!=¦==» <char>:
    $i += 1

@ 0.8
$n:nat = <bound>
while $n > «0¦1»:
    BLOCK
    $n «-= 1¦//= 2¦-= 2»

@ 0.5
$n:nat = «abs(<int>) % 50¦<bound>¦<bound>»
while $n:
    $n, $r:nat = divmod($n, «2¦10¦3»)
    BLOCK

@ 0.5
$i:nat = 0
while True:
    $i += 1
    if $i >= <bound>:
        break
    BLOCK

@ 0.4
$i:nat = <nat>
while not $i > <bound>:
    $i += «1¦2¦3»
    if <bool:i>:
        continue
    BLOCK

@ 0.5
$i:nat = 0
while $i < <bound>:
    $i += 1
    if <bool>:
        break
else:
    BLOCK

@ 0.6
$i:nat, $j:nat = 0, len(~v:ints) - 1
while $i < $j:
    &n:int += $v[$i] «+¦-¦*» $v[$j]
    $i += 1
    $j -= 1

@ S0.7
while &v:ints1:
    $x:int = $v.pop(«¦0¦-1»)
    &n:int «+¦-»= $x

@ S0.4
if &v:ints:
    $v.pop(«¦0»)

@ S0.4
if <int> in &v:iset:
    $v.clear()

@ 0.4
while len(&s:str) > <bound>:
    $s = $s[«1:¦:-1¦1:-1¦2:»]

@ 0.4
$n:nat = <nat>
while $n < 10: $n += «1¦2¦3»

@ 1 K:n
try:
    $n:int = int(<str>)
except ValueError:
    $n = <int>

@ 0.6 K:n
try:
    $n:int = <ints>[<nat>]
except IndexError as $e:exc:
    $n = <int>

@ 0.6 K:n
try:
    $n:int = <dsi>[<str>]
except KeyError:
    $n = <int>

@ 0.6 K:n
try:
    $n:int = <int> // <int>
except ZeroDivisionError:
    $n = <int>

@ 0.5 K:n
try:
    $n:int = <int> // len(<C>)
except ZeroDivisionError as $e:exc:
    $n = 0
    $s:str = str($e)

@ 0.5 K:n
try:
    $n:int = <str>.index(<char>)
except ValueError as $e:exc:
    $n = -1
finally:
    &m:int += 1

@ 0.5
try:
    $x:int = int(<str>)
except (ValueError, TypeError):
    $x = <int>
else:
    $x += 1

@ 0.4 K:n
try:
    $n:int = <ints>[<nat>] // <int>
except IndexError:
    $n = <int>
except ZeroDivisionError:
    $n = -1
except Exception as $e:exc:
    $n = 0
else:
    $n += <int>
finally:
    $m:int = <int>

@ 0.4
try:
    BLOCK
except Exception as $e:exc:
    BLOCK
    $s:str = type($e).__name__

@ 0.3
try:
    BLOCK
finally:
    BLOCK

@ 0.5
try:
    if <bool>:
        raise «ValueError¦KeyError¦RuntimeError¦TypeError»(<str>)
    BLOCK
except «ValueError¦(KeyError, TypeError, ValueError, RuntimeError)¦Exception» as $e:exc:
    $s:str = «str($e)¦repr($e)¦$e.args[0]¦type($e).__name__»
    BLOCK

@ 0.4 K:n
try:
    $n:int = <str> + <int>
except TypeError:
    $n = <int>

@ 0.3 K:n
try:
    $n:int = <ints>.missing
except AttributeError as $e:exc:
    $n = <int>

@ 0.3 K:n
try:
    $n:int = next(iter(<ints>))
except StopIteration:
    $n = <int>

@ 0.3
try:
    assert <bool>, <str>
except AssertionError as $e:exc:
    $s:str = f'failed: {$e}'

@ 0.3
try:
    raise $Error(<str>, <int>)
except $Error as $e:exc:
    $n:int = $e.code

@ 0.3
try:
    if <bool>:
        raise $Error(<str>, <int>)
except $Error as $e:exc:
    BLOCK
else:
    BLOCK

@ 0.2
try:
    try:
        $n:int = int(<str>)
    except ValueError as $e:exc:
        raise KeyError(<str>) from $e
except KeyError:
    $n = <int>

@ !0.4
if <bool>:
    raise «ValueError¦TypeError¦RuntimeError¦KeyError¦IndexError¦NotImplementedError»(<str>)

@ !0.3
if <bool>:
    raise $Error(<str>, <int>)

@ !0.2
$n:any = None
if <bool>:
    $n = <str>
$s:str = $n.upper()

@ !0.15
$s:str = <str> + ~n:int

@ F1.5
if <bool>:
    return <ret>

@ F0.8
if not <C>:
    return <ret>

@ F0.8
if <bool>:
    return <ret>
elif <bool>:
    return <ret>

@ F0.4
if <bool>:
    return <ret>
else:
    BLOCK

@ F0.6
for $x:I in <Q>:
    if <bool:x>:
        return <ret:x>

@ F0.3
try:
    return <ret>
finally:
    BLOCK

@ F0.3
while True:
    return <ret>

@ L1
if <bool>:
    break

@ L1
if <bool>:
    continue

@ L0.5
if <bool>:
    BLOCK
    continue

@ 0.8
match <int>:
    case «0¦1¦-1»:
        BLOCK
    case «2 | 3¦4 | 5 | 6¦10»:
        BLOCK
    case _:
        BLOCK

@ 0.5
match <str>:
    case «'a'¦'red' | 'blue'¦''»:
        BLOCK
    case $w:str if <bool:w>:
        BLOCK
    case _:
        BLOCK

@ 0.6
match <ints>:
    case []:
        BLOCK
    case [$a:int]:
        BLOCK
    case [$a2:int, $b2:int]:
        BLOCK
    case [$a3:int, *$r:ints]:
        BLOCK

@ 0.5
match <point>:
    case (0, 0):
        BLOCK
    case (0, $y:int) | ($y, 0):
        BLOCK
    case ($a:int, $b:int) if <bool:a,b>:
        BLOCK
    case _:
        BLOCK

@ 0.4
match <any>:
    case int($n:int):
        BLOCK
    case str($s:str) if <bool:s>:
        BLOCK
    case [] | () | {}:
        BLOCK
    case list() | tuple() as $t:any:
        BLOCK
    case None:
        pass
    case _:
        BLOCK

@ 0.4
match <dsi>:
    case {'name': $a:int, **$r:dsi}:
        BLOCK
    case {'a': $b:int}:
        BLOCK
    case _:
        BLOCK

@ 0.3
match {'kind': <str>, 'n': <int>}:
    case {'kind': 'a' | 'x', 'n': $n:int}:
        BLOCK
    case {'kind': $k:str, 'n': $m:int} if $m «>¦<» <int>:
        BLOCK
    case {'kind': str($s:str)}:
        BLOCK

@ 0.4
match $Point(<int>, <int>):
    case $Point(x=0, y=$b:int):
        BLOCK
    case $Point($a:int, y=$c:int) if <bool:a,c>:
        BLOCK
    case _:
        BLOCK

@ 0.3
match <str>.split():
    case ['go', $d:str]:
        BLOCK
    case [$w:str]:
        BLOCK
    case [$a:str, *_]:
        BLOCK
    case _:
        BLOCK

@ 0.6
with $Ctx(<int>) as $c:obj:
    $c.n «+=¦-=» <int>
    BLOCK
$n:int = $c.n

@ 0.3
with $Ctx(<int>):
    BLOCK

@ 0.3
with $Quiet(«ZeroDivisionError¦ValueError¦Exception»):
    $n:int = <int> // <nz>
    BLOCK

@ 0.4
$p:obj = $Point(<int>, <int>)
«$p.x += <int>¦setattr($p, 'y', <int>)¦$p.x, $p.y = $p.y, $p.x»
$n:int = «$p.x + <int>¦$p.y¦getattr($p, 'x', <int>)¦getattr($p, 'z', <int>)»

@ 0.3
$p:obj = $Point(<int>, <int>)
$b:bool = $p == $Point(<int>, <int>)

@ F0.8
def $f1:function($a:int):
    return <int:a>
$n:int = $f1(<int>)

@ F0.5
def $f1:function($a:char):
    return <bool:a>
$v:strs = [$x:char for $x:char in <str> if $f1($x)]

@ F0.5
$n:int = <int>
def $f1:function():
    nonlocal $n
    $n += <int>
$f1()
$f1()

@ F0.3
def $f1:function($a:int, $b:int=<int>, *, $c:int=<int>):
    return <int:a,b,c>
$m:ints = [$f1(<int>), $f1(<int>, <int>), $f1(<int>, $c=<int>)]

@ F0.4
def $f1:function():
    yield <int>
    yield <int>
    if <bool>:
        yield <int>
$v:ints = list($f1())

@ F0.3
def $f1:function($a:nat):
    for $i:nat in range($a):
        yield <int:i>
$n:int = sum($f1(<nat>))

@ F0.3
def $f1:function($a:int):
    return lambda $x:int: <int:a,x>
$g:any = $f1(<int>)
$n:int = $g(<int>)

@ F0.3
def $f1:function($a:nat):
    return 0 if $a <= 0 else $a «+¦-» $f1($a - 1)
$n:int = $f1(<nat>)

@ F0.3
def $f1:function(*$a:ituple, **$b:dsi):
    return len($a) + <int:a,b>
$n:int = $f1(<int>, <int>, x=<int>)

@ 0.3
$g:it = ($x:int * <small> for $x:int in <ints1>)
$n:int = next($g)
$v:ints = list($g)

@ 0.2
$g:it = enumerate(<strs1>)
$i:nat, $s:str = next($g)

@ 0.2
$g:it = zip(<ints>, <str>)
$d:any = dict($g)

@ 0.3
$d:any = collections.defaultdict(«int¦list»)
$d[<str>] += «[<int>]¦[<int>, <int>]»
$n:int = len($d)

@ 0.3
$d:any = collections.defaultdict(int)
for $c:char in <str>:
    $d[$c] += 1
$n:int = $d[<char>]

@ 0.3
$q:any = collections.deque(<ints>)
$q.append(<int>)
$q.appendleft(<int>)
$n:int = $q.«pop¦popleft»()

@ 0.3
$d:any = collections.Counter(<str>)
$v:pairs = sorted($d.items())

@ 0.3
$h:any = <ints>[:]
heapq.heapify($h)
heapq.heappush($h, <int>)
$n:int = heapq.heappop($h)

@ 0.2
for $k:int, $g:any in itertools.groupby(sorted(<ints>)):
    &n:int += len(list($g))

@ 0.2
$m:any = re.match(«r'([a-z]+)(\\d*)'¦r'(\\w)(\\w*)'», <str>)
if $m:
    $s:str = $m.group(«1¦2¦0»)
"""

PRELUDES: Final[dict[str, str]] = {
    "Ctx": """
class $k:
    def __init__(self, n):
        self.n = n

    def __enter__(self):
        self.n += «1¦2¦10»
        return self

    def __exit__(self, exc_type, exc, tb):
        self.n «-= 1¦*= 2¦= 0»
        return False
""",
    "Quiet": """
class $k:
    def __init__(self, *kinds):
        self.kinds = kinds

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, tb):
        return exc_type is not None and issubclass(exc_type, self.kinds)
""",
    "Error": """
class $k(«Exception¦ValueError¦RuntimeError»):
    def __init__(self, message, code=0):
        super().__init__(message)
        self.code = code
""",
    "Point": """
«@dataclass
class $k:
    x: int
    y: int = 0¦@dataclass(order=True)
class $k:
    x: int
    y: int = 1¦class $k:
    __match_args__ = ('x', 'y')

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)

    def __repr__(self):
        return f'P({self.x}, {self.y})'»
""",
}
