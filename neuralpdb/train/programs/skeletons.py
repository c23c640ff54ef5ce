"""Whole function bodies of everyday shape: an accumulator, a loop over a parameter, a free condition, a return.

Blocks `@ weight type`: what the function returns. Every `~v:type` becomes a parameter; all holes are free expressions.
"""

# ruff: noqa: E501 - a line of a table is a line of the program it becomes

from __future__ import annotations

from typing import Final

SKELETONS: Final = """
@ 3 int
$n:int = 0
for $x:I in ~v:Q:
    if <bool:x>:
        $n += «1¦1¦<int:x>»
return $n

@ 2 int
$n:int = «0¦0¦<int>»
for $x:I in ~v:Q:
    $n «+=¦+=¦-=» <int:x>
return $n

@ 1 int
$n:int = 0
for $c:char in ~s:str:
    $n += int(<bool:c>)
return $n

@ 1 int
$n:int = 0
for $c:char in ~s:str:
    $n += «$c == ~t:char¦int($c == ~t:char)¦$c in ~u:str¦($c == <char>)¦~u:str.count($c)¦(2, 1)[$c.isupper()]»
return $n

@ 1.5 int
$n:int = 0
for $x:I in ~v:Q:
    if <bool:x>:
        $n += <int:x>
    elif <bool:x>:
        $n -= <int:x>
    else:
        $n «+¦-»= 1
return $n

@ 1 int
$n:int = 0
for $i:nat, $x:I in enumerate(~v:Q):
    if <bool:i,x>:
        $n += «$i¦<int:i,x>¦1»
return $n

@ 1 int
$n:int = $m:int = 0
for $x:I in ~v:Q:
    if <bool:x>:
        $n += 1
    else:
        $n = 0
    $m = max($m, $n)
return $m

@ 1 int
$n:int = 0
for $x:I in ~v:Q:
    if <bool:x>:
        continue
    if <bool:x>:
        break
    $n += <int:x>
return $n

@ 1 int
$n:int = 0
for $x:I in ~v:Q: $n += <int:x>
return $n

@ 1 int
for $i:nat, $x:I in enumerate(~v:Q):
    if <bool:i,x>:
        return $i
return -1

@ 1 int
$i:nat = 0
$n:int = 0
while $i < len(~v:«ints¦str¦strs¦ituple»):
    «if $v[$i] == <any>:
        $n += 1
    ¦$n += len(str($v[$i]))
    ¦if $i % 2:
        $n += <int:i>
    »$i += 1
return $n

@ 1 int
$n:int = ~a:int
for $i:nat in range(~b:nat):
    $n = <int:i>
    if $n > 1000: break
return $n

@ 1 point
$a:int, $b:int = 0, 0
for $x:I in ~v:Q:
    if <bool:x>:
        $a += <int:x>
    else:
        $b += 1
return «$a, $b¦($b, $a)¦($a - $b, $a)»

@ 1.5 int
return «sum(<int:x> for $x:I in ~v:Q if <bool:x>)¦len([$x:I for $x in ~v:Q if <bool:x>])¦sum([<int:x> for $x:I in ~v:Q])»

@ 3 str
$r:str = ''
for $c:char in ~s:str:
    if <bool:c>:
        $r += <str:c>
    else:
        $r += «$c¦<char:c>»
return $r

@ 2 str
$r:str = ''
for $c:char in ~s:str:
    if «<bool:c>¦$c not in $r¦$c in ~t:str»:
        $r «+= $c¦= $c + $r¦= $r + $c.upper()¦+= $c * 2»
return $r

@ 1 str
$r:str = ''
for $i:nat, $c:char in enumerate(~s:str):
    $r += «$c.upper() if $i % 2 == 0 else $c.lower()¦<str:i,c>¦$c if <bool:i,c> else ''¦$c * ($i + 1)»
return $r

@ 1 str
$r:str = ''
for $i:nat in range(len(~s:str)«¦ - 1¦ - 1, -1, -1»):
    if «$s[$i].isalpha()¦$s[$i] == $s[-1]¦$i % 2¦$s[$i] != ~t:char¦$s[:$i].count($s[$i]) == 0»:
        $r += $s[$i]
return «$r¦$r[::-1]¦$r or $s»

@ 1 str
$i:nat = 0
while $i < len(~s:str) and «$s[$i] != ~c:char¦$s[$i].isalpha()¦$s[$i] in ~t:str»:
    $i += 1
return $s[«$i:¦:$i¦$i + 1:¦:$i + 1»]

@ 1 str
$w:strs = ~s:sentence.split()
$r:strs = []
for $x:str in $w:
    «if <bool:x>:
        $r.append(<str:x>)
    else:
        $r.append($x)¦$r.append(<str:x>)¦$r.insert(0, $x)»
return «' '¦'-'¦''».join($r)

@ 1 str
$l:strs = list(~s:str)
«$l.sort(«¦reverse=True»)¦$l.reverse()¦$l.insert(<nat>, <char>)¦$l.append(<char>)¦$l[:1] = [<char>]¦for $i:nat in range(0, len($l) - 1, 2):
    $l[$i], $l[$i + 1] = $l[$i + 1], $l[$i]¦while $l and $l[-1] == <char>:
    $l.pop()¦for $i:nat, $c:char in enumerate($l):
    if <bool:c>:
        $l[$i] = <str:i,c>»
return ''.join($l)

@ 1.5 str
$a:str, $b:str, $c:str = ~s:str.«partition¦rpartition»(~t:char)
return «$a + $c¦$c + $b + $a¦$c or $a¦<str>»

@ 1.5 str
~s:str = $s.«lower¦strip¦upper¦title¦swapcase»()
~s:str = $s.«replace(<char>, <str>)¦strip(<char>)¦zfill(<nat>)¦center(<nat>, <char>)¦rjust(~n:nat, <char>)¦removeprefix(<str1>)»
return $s«¦[::-1]¦[1:]¦ + ~t:str»

@ 1 str
if <bool>: return ~s:str
if «not ~s:str¦len(~s:str) < ~n:nat¦$s.isdigit()»: return <str>
return <str>

@ 3 ints
$r:ints = []
for $x:I in ~v:Q:
    if <bool:x>:
        $r.append(<int:x>)
return «$r¦$r¦$r[::-1]¦sorted($r)»

@ 1 ints
$r:ints = []
for $x:int in ~v:ints:
    «$r.insert(0, <int:x>)¦$r += [$x, <int:x>]¦$r.extend([$x] * <nat>)¦if $x in $r: continue
    $r.append($x)¦if $x not in $r: $r.append($x)»
return $r

@ 1 ints
for $i:nat in range(len(~v:ints)):
    «if $v[$i] «<¦>¦==» <int:i>:
        $v[$i] = <int:i>¦$v[$i] += <int:i>¦$v[$i] *= <small>¦$v[$i] = $v[-$i - 1]¦if $v[$i] % 2: $v[$i] -= 1»
return $v

@ 1 ints
~v:ints.«append(<int>)¦insert(<nat>, <int>)¦extend(<ints>)¦sort()¦sort(reverse=True)¦reverse()¦sort(key=lambda $x:int: <int:x>)»
«$v.append(~n:int)¦$v.sort(reverse=<bool>)¦$v = $v[<nat>:]¦$v.insert(0, len($v))¦$v += [sum($v)]»
return $v

@ 1 ints
$r:ints = []
while ~v:ints1:
    $x:int = $v.pop(«¦0¦-1»)
    «if <bool:x>:
        $r.append($x)¦$r.append(<int:x>)¦if $x in $v: continue
    $r.insert(0, $x)»
return $r

@ 1 ints
return «[<int:x> for $x:I in ~v:Q if <bool:x>]¦sorted(~v:ints, key=lambda $x:int: <int:x>)¦list(map(lambda $x:int: <int:x>, ~v:ints))¦[<int:x> if <bool:x> else $x:int for $x in ~v:ints]»

@ 2 strs
$r:strs = []
for $x:str in ~v:strs:
    if <bool:x>:
        $r.append(<str:x>)
return $r

@ 1 strs
$r:strs = []
$w:str = ''
for $c:char in ~s:str:
    if «$c == ~t:char¦<bool:c>¦not $c.isalpha()»:
        «if $w:
            ¦»$r.append($w)
        $w = ''
    else:
        $w += $c
«$r.append($w)¦if $w: $r.append($w)¦$r += [$w]»
return $r

@ 1 strs
$r:strs = []
for $i:nat in range(«0, len(~s:str), 2¦len(~s:str)¦0, len(~s:str), ~n:pos»):
    $r.append($s[$i:«$i + 2¦$i + 3¦»])
return $r

@ 1 strs
~v:strs.«append(<str>)¦sort()¦sort(key=len)¦reverse()¦insert(<nat>, <str>)¦extend(<strs>)»
return [$x:str for $x in $v if <bool:x>]

@ 1 points
$r:points = []
for $n:int in ~v:ints:
    $r.append((«$v.count($n)¦<int:n>¦$n», «$n¦<int:n>»))
«$r.sort()
¦$r.sort(reverse=True)
¦$r.sort(key=lambda $x:point: ($x[1], -$x[0]))
¦»return $r«¦[<nat>:]¦[::-1]»

@ 1 pairs
$r:pairs = []
for $x:str in ~v:strs:
    $r.append(($x, <int:x>))
return «$r¦sorted($r, key=lambda $p:pair: $p[1])¦max($r, default=None)¦dict($r)»

@ 3 dsi
$d:dsi = {}
for $c:char in ~s:str:
    «if <bool:c>:
        $d[$c] = $d.get($c, 0) + 1¦$d[$c] = <int:c>¦$d[<str:c>] = $d.get($c, <int>)¦if $c in $d:
        $d[$c] += <int:c>
    else:
        $d[$c] = 1¦$d.setdefault($c, <int:c>)»
return «$d¦$d¦sorted($d.items())¦max($d.values(), default=0)»

@ 1.5 dsi
$d:dsi = {}
for $k:str, $v:int in ~m:dsi.items():
    if <bool:k,v>:
        $d[<str:k>] = <int:k,v>
return $d

@ 1 dsi
for $x:str in ~v:strs:
    «if $x in ~m:dsi:
        $m[$x] += <int:x>
    else:
        $m[$x] = <int:x>¦~m:dsi.update({$x: <int:x>})¦~m:dsi.pop($x, None)¦~m:dsi[$x] = len($m)»
return $m

@ 0.7 any
$r:any = []
while ~m:dsi:
    $k:str, $v:int = $m.popitem()
    $r.append(«($k, $v)¦$k¦$v¦[$k, $v]»)
return $r

@ 1 dii
$d:dii = {}
for $i:nat, $x:int in enumerate(~v:ints):
    $d[«$x¦$i¦<int:i,x>»] = «$i¦$x¦<int:i,x>¦$d.get($x, 0) + 1»
return $d

@ 1 dsl
$d:dsl = {}
for $i:nat, $c:char in enumerate(~s:str):
    $d.setdefault($c, []).append(<int:i,c>)
return $d

@ 1 dss
$d:dss = {}
for $x:str in ~v:strs:
    $d[«$x¦<str:x>¦$x[:1]»] = <str:x>
return $d

@ 2 bool
for $x:I in ~v:Q:
    if <bool:x>:
        return «False¦True»
return «True¦False»

@ 1 bool
«if <bool>:
    return «False¦True»
if <bool>:
    return False
¦»return «<bool>¦any(<bool:x> for $x:I in ~v:Q)¦all(<bool:x> for $x:I in ~v:Q)¦bool(<any>)»

@ 1 bool
if len(~s:str) «<¦!=¦>» «len(~t:str)¦~n:nat»: return False
for $i:nat in range(«min(len($s), len(~t:str))»):
    if $s[$i] «!=¦==» ~t:str[$i]: return «True¦False»
return $s «==¦!=¦<» ~t:str

@ 1 float
$t:float = 0.0
for $x:«float¦int» in ~v:«floats¦ints»:
    «$t += $x * <N>¦if <bool:x>:
        $t += $x / <pos>¦$t = ($t + $x) / 2»
return round($t, «1¦2»)

@ 1 float
if not ~v:ints: return 0.0
return «sum($v) / len($v)¦round(sum($v) / len($v), 2)¦(max($v) - min($v)) / <pos>¦sum($x:int ** 2 for $x in $v) ** 0.5»

@ 1 iset
$u:iset = set()
for $x:int in ~v:ints:
    «if <bool:x>:
        $u.add($x)¦$u.add(<int:x>)¦$u «|¦^»= {$x}¦if $x in $u:
        $u.discard($x)
    else:
        $u.add($x)»
return «$u¦$u¦len($u)¦sorted($u)»

@ 1 any
$r:any = None
for $x:I in ~v:Q:
    if $r is None or <bool:x>:
        $r = $x
return $r

@ 1 any
try:
    $r:any = «int(~s:str)¦~v:ints[~n:nat]¦~m:dsi[~s:str]¦~a:int // ~b:int¦~s:str.index(~c:char)¦~v:ints.index(~a:int)»
except («ValueError, KeyError, IndexError, ZeroDivisionError») as $e:exc:
    $r = «-1¦None¦str($e)¦type($e).__name__»
return $r

@ 0.7 any
$l:ints = []
for $x:any in (~a:int, ~s:str, <any>, <any>):
    «if isinstance($x, «int¦str¦(int, float)»):
        $l.append($x)¦match $x:
        case int() | float():
            $l.append($x)
        case str():
            $l.append(len($x))
        case [$y:any, *_]:
            $l.append($y)
        case _:
            pass»
return $l

@ 1 any
$l:ints, $r:ints = [], []
for $x:int in ~v:ints:
    if <bool:x>: $l.append(«$x¦<int:x>»)
    else: $r.append(«$x¦<int:x>»)
return «$l, $r¦[$l, $r]¦$l + $r¦(len($l), $r)¦$r or $l»

@ 1 any
$i:nat, $j:nat = 0, len(~v:ints) - 1
while $i < $j:
    «if $v[$i] «>¦<» $v[$j]:
        $v[$i], $v[$j] = $v[$j], $v[$i]
    $i += 1
    $j -= 1¦if $v[$i] + $v[$j] == ~n:int:
        return $i, $j
    if $v[$i] + $v[$j] < ~n:int:
        $i += 1
    else:
        $j -= 1¦$v[$i], $v[$j] = $v[$j], $v[$i]
    $i, $j = $i + 1, $j - 1»
return «$v¦None¦-1»

@ 0.7 any
$r:any = []
for $a:int in ~v:ints:
    for $b:int in ~w:ints:
        if <bool:a,b>:
            $r.append(«($a, $b)¦$a + $b¦$a * $b¦[$a, $b]»)
return $r

@ 0.7 any
$r:grid = []
for $i:nat in range(~n:pos):
    $w:ints = []
    for $j:nat in range(«~m:nat¦$i + 1¦<pos>»):
        $w.append(<int:i,j>)
    $r.append($w)
return $r

@ 0.7 any
$q:ints = [~a:int]
while len($q) < «~n:pos¦5¦4»:
    $q.append(«$q[-1] «+¦-¦*» <small>¦sum($q)¦$q[0] + len($q)¦<int>»)
return «$q¦$q[::-1]¦sum($q)»

@ 0.7 any
$b:bytes = ~s:str.encode(«'utf-8'¦»)
$n:int = 0
for $x:int in $b:
    $n «+=¦^=» «$x¦$x % <small>¦<int:x>»
return «$n¦$n, $b¦$b.hex()¦$b.decode()¦$b[::-1]»
"""
