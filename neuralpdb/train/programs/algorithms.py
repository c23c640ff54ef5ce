"""Algorithms: everyday ones and small classes, as templates with random names, constants, operators and decompositions.

Each ends in `>>> type: call`: what the entry returns and the types of its arguments. `«a¦b»` groups give the shapes.
"""

# ruff: noqa: E501 - a line of a table is a line of the program it becomes

from __future__ import annotations

from typing import Final

ALGORITHMS: Final = """
def $f($s:str, $c:char):
    $n:int = 0
    for $x:char in $s:
        «if $x == $c:
            $n += 1¦if $x != $c:
            continue
        $n += 1¦$n += int($x == $c)¦$n = $n + 1 if $x == $c else $n¦$n += 1 if $c == $x else 0¦if $c in $x: $n += 1»
    return $n
>>> int: $f(<word>, <char>)

def $f1($a:char, $b:char):
    return «$a == $b¦$a.lower() == $b.lower()¦$b == $a¦not $a != $b¦ord($a) == ord($b)»
def $f2($s:str, $c:char):
    $n:int = 0
    for $x:char in $s:
        «if $f1($x, $c):
            $n += 1¦$n += int($f1($x, $c))¦if not $f1($c, $x): continue
        $n = $n + 1¦$n += $f1($x, $c)»
    return $n
>>> int: $f2(<word>, <char>)

def $f1($c:char, $t:char):
    «return $c == $t¦if $c == $t:
        return True
    return False¦return 1 if $c == $t else 0»
def $f2($n:int):
    return $n + 1
def $f3($w:str, $t:char):
    $n:int = 0
    for $c:char in $w:
        if $f1($c, $t):
            $n = $f2($n)
    return $n
«def $f4($w2:str, $t2:char):
    $r:int = $f3($w2, $t2)
    return f"«There are {$r} of {$t2}¦{$t2}: {$r}¦{$w2} has {$r} of {$t2}¦found {$r}»"
>>> str: $f4(<word>, <char>)¦>>> int: $f3(<word>, <char>)»

def $f($s:str, $c:char):
    «return len([$x:char for $x in $s if $x == $c])¦return sum($x:char == $c for $x in $s)¦return sum(1 for $x:char in $s if $x == $c)¦return $s.count($c)¦return len($s) - len($s.replace($c, ''))¦return len($s.split($c)) - 1¦return sum(map(lambda $x:char: $x == $c, $s))»
>>> int: $f(<word>, <char>)

def $f($s:str, $c:char):
    $i:nat = 0
    $n:int = 0
    while $i < len($s):
        if $s[$i] == $c:
            $n += 1
        $i += 1
    return $n
>>> int: $f(<word>, <char>)

def $f($s:str, $c:char):
    if «not $s¦len($s) == 0¦$s == ''»:
        return 0
    «return ($s[0] == $c) + $f($s[1:], $c)¦if $s[0] == $c:
        return 1 + $f($s[1:], $c)
    return $f($s[1:], $c)¦return int($s[-1] == $c) + $f($s[:-1], $c)¦$n:int = 1 if $s[0] == $c else 0
    return $n + $f($s[1:], $c)»
>>> int: $f(<word>, <char>)

def $f($s:str):
    $d:dsi = {}
    for $c:char in $s:
        «$d[$c] = $d.get($c, 0) + 1¦if $c in $d:
            $d[$c] += 1
        else:
            $d[$c] = 1¦$d.setdefault($c, 0)
        $d[$c] += 1¦if $c not in $d:
            $d[$c] = 0
        $d[$c] += 1¦try:
            $d[$c] += 1
        except KeyError:
            $d[$c] = 1»
    return $d
>>> dsi: $f(<word>)

def $f1($s:str):
    $d:dsi = {}
    for $c:char in $s:
        $d[$c] = $d.get($c, 0) + 1
    return $d
def $f2($s2:str):
    $m:dsi = $f1($s2)
    $b:str, $n:int = '', 0
    for $k:str, $v:int in $m.items():
        if $v «>¦>=» $n:
            $b, $n = $k, $v
    return «$b¦$b, $n¦($b, $n)»
>>> any: $f2(<word>)

def $f($s:str):
    «$n:int = 0
    for $c:char in $s«¦.lower()»:
        if $c in «'aeiou'¦"aeiouAEIOU"¦('a', 'e', 'i', 'o', 'u')¦['a', 'e', 'o']»:
            $n += 1
    return $n¦return len([$c:char for $c in $s if $c.lower() in 'aeiou'])¦$v:str = 'aeiou'
    $n:int = 0
    for $c:char in $v:
        $n += $s.count($c)
    return $n»
>>> int: $f(<word>)

def $f($s:str):
    «return $s == $s[::-1]¦$t:str = $s.lower()
    return $t == $t[::-1]¦$r:str = ''
    for $c:char in $s:
        $r = $c + $r
    return $r == $s¦for $i:nat in range(len($s) // 2):
        if $s[$i] != $s[-$i - 1]:
            return False
    return True¦$i:nat, $j:nat = 0, len($s) - 1
    while $i < $j:
        if $s[$i] != $s[$j]:
            return False
        $i += 1
        $j -= 1
    return True¦return all($s[$i:nat] == $s[len($s) - 1 - $i] for $i in range(len($s) // 2))¦if len($s) < 2:
        return True
    return $s[0] == $s[-1] and $f($s[1:-1])¦return list($s) == list(reversed($s))»
>>> bool: $f(<palindrome>)

def $f1($s:str):
    $t:str = ''
    for $c:char in $s:
        if $c.«isalpha¦isalnum»():
            $t += $c.lower()
    return $t
def $f2($s2:str):
    $u:str = $f1($s2)
    return $u == «$u[::-1]¦''.join(reversed($u))»
>>> bool: $f2(<str>)

def $f($s:str):
    «$r:str = ''
    for $c:char in $s:
        $r = $c + $r
    return $r¦return $s[::-1]¦return ''.join(reversed($s))¦$l:strs = list($s)
    $l.reverse()
    return ''.join($l)¦$r:str = ''
    $i:nat = len($s) - 1
    while $i >= 0:
        $r += $s[$i]
        $i -= 1
    return $r¦if $s == '':
        return ''
    return $f($s[1:]) + $s[0]»
>>> str: $f(<word>)

def $f($s:str):
    $w:strs = $s.split(«¦' '»)
    «return ' '.join($w[::-1])¦$r:strs = []
    for $x:str in $w:
        $r.append($x[::-1])
    return ' '.join($r)¦return ' '.join($x:str.capitalize() for $x in $w)¦return max($w, key=len)¦return [len($x:str) for $x in $w]¦$b:str = ''
    for $x:str in $w:
        if len($x) > len($b):
            $b = $x
    return $b¦$d:dsi = {}
    for $x:str in $w:
        $d[$x] = $d.get($x, 0) + 1
    return $d¦return {$x:str: len($x) for $x in $w}¦return ''.join($x:str[0].upper() for $x in $w)¦$w.sort(key=lambda $x:str: (len($x), $x))
    return $w»
>>> any: $f(<sentence>)

def $f($a:ints):
    $n:int = len($a)
    for $i:nat in range($n):
        for $j:nat in range(«0, $n - $i - 1¦$n - 1 - $i»):
            if $a[$j] «>¦<» $a[$j + 1]:
                $a[$j], $a[$j + 1] = $a[$j + 1], $a[$j]
    return $a
>>> ints: $f(<ints1>)

def $f($a:ints):
    for $i:nat in range(1, len($a)):
        $k:int = $a[$i]
        $j:nat = $i - 1
        while $j >= 0 and $a[$j] «>¦<» $k:
            $a[$j + 1] = $a[$j]
            $j -= 1
        $a[$j + 1] = $k
    return $a
>>> ints: $f(<ints1>)

def $f($a:ints):
    for $i:nat in range(len($a)):
        $m:nat = $i
        for $j:nat in range($i + 1, len($a)):
            if $a[$j] «<¦>» $a[$m]:
                $m = $j
        $a[$i], $a[$m] = $a[$m], $a[$i]
    return $a
>>> ints: $f(<ints1>)

def $f1($a:ints, $b:ints):
    $r:ints = []
    $i:nat = $j:nat = 0
    while $i < len($a) and $j < len($b):
        if $a[$i] <= $b[$j]:
            $r.append($a[$i])
            $i += 1
        else:
            $r.append($b[$j])
            $j += 1
    «return $r + $a[$i:] + $b[$j:]¦$r.extend($a[$i:])
    $r.extend($b[$j:])
    return $r»
«def $f2($l:ints):
    if len($l) <= 1:
        return $l
    $m:nat = len($l) // 2
    return $f1($f2($l[:$m]), $f2($l[$m:]))
>>> ints: $f2(<ints1>)¦>>> ints: $f1(<ascending>, <ascending>)»

def $f($a:ints):
    if len($a) «<= 1¦< 2»:
        return $a
    $p:int = $a[«0¦-1¦len($a) // 2»]
    $l:ints = [$x:int for $x in $a if $x < $p]
    $m:ints = [$y:int for $y in $a if $y == $p]
    $r:ints = [$z:int for $z in $a if $z > $p]
    return $f($l) + $m + $f($r)
>>> ints: $f(<ints1>)

def $f($a:ints, $t:int):
    $l:nat, $r:nat = 0, len($a) - 1
    while $l <= $r:
        $m:nat = ($l + $r) // 2
        if $a[$m] == $t:
            return $m
        «elif $a[$m] < $t:¦if $a[$m] < $t:»
            $l = $m + 1
        else:
            $r = $m - 1
    return -1
>>> int: $f(<ascending>, <nat>)

def $f($a:ints, $t:int):
    for $i:nat in range(len($a)):
        if $a[$i] == $t:
            return $i
    return «-1¦None»
>>> any: $f(<ints>, <nat>)

def $f($a:ints):
    $m:int = $a[0]
    for $x:int in $a«¦[1:]»:
        if $x «>¦<¦>=» $m:
            $m = $x
    return $m
>>> int: $f(<ints1>)

def $f($a:ints):
    «$m:int = float('-inf')¦$m:any = None»
    $i:nat = -1
    for $j:nat, $x:int in enumerate($a):
        if $i < 0 or $x > $m:
            $m, $i = $x, $j
    return «$i¦($m, $i)¦[$i, $m]»
>>> any: $f(<ints>)

def $f($a:ints):
    $s:int = 0
    for $x:int in $a:
        «$s += $x¦if $x % 2 == 0:
            $s += $x¦if $x > 0:
            $s = $s + $x
        else:
            $s -= 1¦$s += $x ** 2¦$s += $x * <pos>¦if $x < 0: continue
        $s += $x»
    return «$s¦$s / len($a) if $a else 0¦$s % <pos>¦max($s, 0)»
>>> any: $f(<ints>)

def $f($n:int):
    «$a:int, $b:int = 0, 1
    for $i:nat in range($n):
        $a, $b = $b, $a + $b
    return $a¦if $n «<= 1¦< 2»:
        return $n
    return $f($n - 1) + $f($n - 2)¦$l:ints = [0, 1]
    while len($l) < $n:
        $l.append($l[-1] + $l[-2])
    return $l¦$a:int = 0
    $b:int = 1
    $r:ints = []
    while $a < $n:
        $r.append($a)
        $a, $b = $b, $a + $b
    return $r»
>>> any: $f(<nat>)

def $f($n:int, $d:any=None):
    if $d is None:
        $d = {}
    if $n in $d:
        return $d[$n]
    if $n <= 1:
        return $n
    $d[$n] = $f($n - 1, $d) + $f($n - 2, $d)
    return $d[$n]
>>> int: $f(<nat>)

def $f($n:int):
    «if $n <= 1:
        return 1
    return $n * $f($n - 1)¦$r:int = 1
    for $i:nat in range(«1¦2», $n + 1):
        $r *= $i
    return $r¦$r:int = 1
    while $n > 1:
        $r *= $n
        $n -= 1
    return $r¦return 1 if $n == 0 else $n * $f($n - 1)»
>>> int: $f(<nat>)

def $f($a:int, $b:int):
    «while $b:
        $a, $b = $b, $a % $b
    return $a¦if $b == 0:
        return $a
    return $f($b, $a % $b)¦while $a != $b:
        if $a > $b:
            $a -= $b
        else:
            $b -= $a
    return $a»
>>> int: $f(<pos>, <pos>)

def $f1($a:int, $b:int):
    while $b: $a, $b = $b, $a % $b
    return $a
def $f2($x:int, $y:int):
    return $x * $y // $f1($x, $y)
>>> int: $f2(<pos>, <pos>)

def $f1($n:int):
    if $n < 2:
        return False
    «for $i:nat in range(2, «$n¦int($n ** 0.5) + 1»):
        if $n % $i == 0:
            return False
    return True¦$i:nat = 2
    while $i * $i <= $n:
        if $n % $i == 0:
            return False
        $i += 1
    return True¦return all($n % $i:nat for $i in range(2, $n))»
«def $f2($m:int):
    «return [$k:int for $k in range(«2, »$m) if $f1($k)]¦$r:ints = []
    for $k:int in range($m):
        if $f1($k):
            $r.append($k)
    return $r¦$c:int = 0
    for $k:int in range(2, $m + 1):
        $c += $f1($k)
    return $c»
>>> any: $f2(<nat>)¦>>> bool: $f1(<small>)»

def $f($n:int):
    $r:ints = []
    $d:int = 2
    while $n > 1:
        while $n % $d == 0:
            $r.append($d)
            $n //= $d
        $d += 1
    return $r
>>> ints: $f(<small>)

def $f($n:int):
    $l:bools = [True] * ($n + 1)
    $l[0:2] = [False, False]
    for $i:nat in range(2, $n + 1):
        if $l[$i]:
            for $j:nat in range($i * «$i¦2», $n + 1, $i):
                $l[$j] = False
    return [$k:int for $k, $p:bool in enumerate($l) if $p]
>>> ints: $f(<small>)

def $f($n:int):
    «return [$i:int for $i in range(1, $n + 1) if $n % $i == 0]¦$s:int = 0
    for $i:int in range(1, $n):
        if $n % $i == 0:
            $s += $i
    return $s == $n¦$c:int = 0
    for $i:int in range(1, $n + 1):
        if not $n % $i:
            $c += 1
    return $c»
>>> any: $f(<small>)

def $f($n:int):
    «$s:int = 0
    while $n > 0:
        $s += $n % 10
        $n //= 10
    return $s¦return sum(int($c:char) for $c in str($n))¦$s:int = 0
    for $c:char in str($n):
        $s += int($c)
    return $s¦return $n if $n < 10 else $n % 10 + $f($n // 10)¦$r:int = 0
    while $n:
        $n, $d:int = divmod($n, 10)
        $r = $r * 10 + $d
    return $r¦return int(str($n)[::-1])¦$t:int = sum([int($c:char) for $c in str($n)])
    if $t > 9:
        return $f($t)
    return $t»
>>> int: $f(<big>)

def $f($n:int, $b:int=<pos>):
    $r:str = ''
    $b = $b + 1
    while $n > 0:
        «$r = str($n % $b) + $r
        $n //= $b¦$n, $m:int = divmod($n, $b)
        $r = str($m) + $r»
    return $r or '0'
>>> str: $f(<big>)

def $f($n:int):
    «if $n == 0:
        return '0'
    $r:str = ''
    while $n:
        $r = «str($n % 2)¦'01'[$n & 1]¦('1' if $n % 2 else '0')» + $r
        $n «//= 2¦>>= 1»
    return $r¦$l:ints = []
    while $n > 0:
        $l.append($n % 2)
        $n = $n // 2
    return $l[::-1]¦return bin($n)[2:].count('1')¦$c:int = 0
    while $n:
        $c += $n & 1
        $n >>= 1
    return $c¦$h:str = ''
    while $n:
        $h = '0123456789abcdef'[$n % 16] + $h
        $n //= 16
    return '0x' + $h»
>>> any: $f(<small>)

def $f($s:str):
    $n:int = 0
    for $c:char in $s:
        $n = $n * 2 + «int($c)¦($c == '1')¦(1 if $c == '1' else 0)¦ord($c) - ord('0')»
    return $n
>>> int: $f(<bits>)

def $f($s:str):
    return sum(2 ** $i:nat for $i, $c:char in enumerate(reversed($s)) if $c == '1')
>>> int: $f(<bits>)

def $f($s:str, $k:int):
    $r:str = ''
    for $c:char in $s:
        if $c.isalpha():
            $b:int = ord('A') if $c.isupper() else ord('a')
            $r += chr((ord($c) - $b «+¦-» $k) % 26 + $b)
        else:
            $r += $c
    return $r
>>> str: $f(<word>, <nat>)

def $f1($c:char, $k:int):
    $l:str = 'abcdefghijklmnopqrstuvwxyz'
    if $c not in $l: return $c
    return $l[($l.index($c) + $k) % 26]
def $f2($s:str, $m:int):
    return ''.join($f1($x:char, $m) for $x in $s«¦.lower()»)
>>> str: $f2(<word>, <int>)

def $f($s:str):
    «$d:dsi = {'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}
    $t:int = 0
    for $i:nat in range(len($s)):
        if $i + 1 < len($s) and $d[$s[$i]] < $d[$s[$i + 1]]:
            $t -= $d[$s[$i]]
        else:
            $t += $d[$s[$i]]
    return $t¦$d:dsi = dict(I=1, V=5, X=10, L=50, C=100, D=500, M=1000)
    $t:int = $p:int = 0
    for $c:char in reversed($s):
        $v:int = $d[$c]
        $t += $v if $v >= $p else -$v
        $p = $v
    return $t»
>>> int: $f(<roman>)

def $f($n:int):
    $v:points = [(«1000, 'M'), (900, 'CM'), (500, 'D'), (400, 'CD'), (100, 'C'), (90, 'XC'), (¦»50, 'L'), (40, 'XL'), (10, 'X'), (9, 'IX'), (5, 'V'), (4, 'IV'), (1, 'I')]
    $r:str = ''
    for $a:int, $b:str in $v:
        «while $n >= $a:
            $r += $b
            $n -= $a¦$r += $b * ($n // $a)
        $n %= $a»
    return $r
>>> str: $f(<small>)

def $f($s:str):
    «$l:strs = []
    $d:dss = {')': '(', ']': '[', '}': '{'}
    for $c:char in $s:
        if $c in «'([{'¦$d.values()»:
            $l.append($c)
        elif $c in $d:
            if not $l or $l.pop() != $d[$c]:
                return False
    return «not $l¦len($l) == 0¦$l == []»¦$n:int = 0
    for $c:char in $s:
        if $c == '(':
            $n += 1
        elif $c == ')':
            $n -= 1
        if $n < 0:
            return False
    return $n == 0¦$m:int = $n:int = 0
    for $c:char in $s:
        $n += ($c == '(') - ($c == ')')
        $m = max($m, $n)
    return $m»
>>> any: $f(<brackets>)

def $f($s:str):
    «if not $s:
        return ''
    $r:str = ''
    $n:int = 1
    for $i:nat in range(1, len($s)):
        if $s[$i] == $s[$i - 1]:
            $n += 1
        else:
            $r += $s[$i - 1] + str($n)
            $n = 1
    return $r + $s[-1] + str($n)¦$l:any = []
    for $c:char in $s:
        if $l and $l[-1][0] == $c:
            $l[-1][1] += 1
        else:
            $l.append([$c, 1])
    return «$l¦''.join($x:char + str($y:int) for $x, $y in $l)»¦$r:str = ''
    $i:nat = 0
    while $i < len($s):
        $j:nat = $i
        while $j < len($s) and $s[$j] == $s[$i]:
            $j += 1
        $r += f'{$s[$i]}{$j - $i}'
        $i = $j
    return $r»
>>> any: $f(<word>)

def $f($a:ints):
    $r:ints = []
    $s:iset = set()
    for $x:int in $a:
        if $x not in $s:
            $s.add($x)
            $r.append($x)
    return $r
>>> ints: $f(<ints1>)

def $f($a:ints, $t:int):
    «$d:dii = {}
    for $i:nat, $x:int in enumerate($a):
        if $t - $x in $d:
            return [$d[$t - $x], $i]
        $d[$x] = $i
    return []¦for $i:nat in range(len($a)):
        for $j:nat in range($i + 1, len($a)):
            if $a[$i] + $a[$j] == $t:
                return «$i, $j¦($i, $j)¦[$a[$i], $a[$j]]»
    return None¦$n:int = 0
    for $i:nat, $x:int in enumerate($a):
        for $y:int in $a[$i + 1:]:
            if $x + $y == $t:
                $n += 1
    return $n»
>>> any: $f(<ints1>, <nat>)

def $f($a:ints, $k:int):
    «return $a[$k:] + $a[:$k]¦return $a[-$k:] + $a[:-$k]¦for $i:nat in range($k):
        $a.append($a.pop(0))
    return $a¦for $i:nat in range($k):
        $a.insert(0, $a.pop())
    return $a¦$n:int = len($a)
    $r:ints = [0] * $n
    for $i:nat in range($n):
        $r[($i + $k) % $n] = $a[$i]
    return $r¦$r:grid = []
    for $i:nat in range(0, len($a), $k + 1):
        $r.append($a[$i:$i + $k + 1])
    return $r»
>>> any: $f(<ints1>, <nat>)

def $f($m:grid):
    «return [[$r:ints[$i:nat] for $r in $m] for $i in range(len($m[0]))]¦return [list($r:ints) for $r in zip(*$m)]¦$t:grid = []
    for $i:nat in range(len($m[0])):
        $r:ints = []
        for $j:nat in range(len($m)):
            $r.append($m[$j][$i])
        $t.append($r)
    return $t¦$s:int = 0
    for $i:nat in range(len($m)):
        $s += $m[$i]«[$i]¦[-$i - 1]»
    return $s¦$s:int = 0
    for $r:ints in $m:
        for $x:int in $r:
            $s += $x
    return $s¦return [sum($r:ints) for $r in $m]¦return [$x:int for $r:ints in $m for $x in $r]¦for $r:ints in $m:
        $r.reverse()
    return $m[::-1]»
>>> any: $f(<square>)

def $f($a:grid, $b:grid):
    $n:int = len($a)
    $r:grid = [[0] * len($b[0]) for $i:nat in range($n)]
    for $x:nat in range($n):
        for $y:nat in range(len($b[0])):
            «for $k:nat in range(len($b)):
                $r[$x][$y] += $a[$x][$k] * $b[$k][$y]¦$r[$x][$y] = sum($a[$x][$k:nat] * $b[$k][$y] for $k in range(len($b)))»
    return $r
>>> grid: $f([[<nat>, <nat>], [<nat>, <nat>]], [[<nat>, <nat>], [<nat>, <nat>]])

def $f($a:any):
    $r:ints = []
    for $x:any in $a:
        if isinstance($x, list):
            «$r.extend($f($x))¦$r += $f($x)¦for $y:any in $f($x):
                $r.append($y)»
        else:
            $r.append($x)
    return $r
>>> ints: $f(<tree>)

def $f($a:any):
    «$n:int = 0
    for $x:any in $a:
        $n += $f($x) if isinstance($x, list) else «$x¦1»
    return $n¦if not isinstance($a, list):
        return 0
    return 1 + max([$f($x:any) for $x in $a], default=0)»
>>> int: $f(<tree>)

def $f($a:strs):
    $d:any = {}
    for $x:str in $a:
        $k:any = «len($x)¦$x[:1]¦$x[-1:]¦''.join(sorted($x))¦$x.lower()¦$x.isalpha()»
        «if $k not in $d:
            $d[$k] = []
        $d[$k].append($x)¦$d.setdefault($k, []).append($x)¦$d[$k] = $d.get($k, []) + [$x]»
    return «$d¦list($d.values())¦{$y:any: len($z:strs) for $y, $z in $d.items()}¦$d.get(<nat>)»
>>> any: $f(<strs1>)

def $f($s:str, $t:str):
    «return sorted($s) == sorted($t)¦if len($s) != len($t):
        return False
    for $c:char in $s:
        if $s.count($c) != $t.count($c):
            return False
    return True¦$d:dsi = {}
    for $c:char in $s:
        $d[$c] = $d.get($c, 0) + 1
    for $c2:char in $t:
        if $c2 not in $d:
            return False
        $d[$c2] -= 1
    return all($v:int == 0 for $v in $d.values())¦$l:strs = list($t)
    for $c:char in $s:
        if $c in $l:
            $l.remove($c)
    return not $l¦return sum($a:char != $b:char for $a, $b in zip($s, $t))¦$n:int = 0
    for $i:nat in range(min(len($s), len($t))):
        if $s[$i] != $t[$i]:
            $n += 1
    return $n + abs(len($s) - len($t))¦$r:str = ''
    for $a:char, $b:char in zip($s, $t):
        if $a != $b:
            break
        $r += $a
    return $r¦return ''.join($c:char for $c in $s if $c in $t)»
>>> any: $f(<word>, <word>)

def $f($s:str, $t:str):
    $m:int, $n:int = len($s), len($t)
    $d:grid = [[0] * ($n + 1) for $z:nat in range($m + 1)]
    for $i:nat in range(1, $m + 1):
        for $j:nat in range(1, $n + 1):
            if $s[$i - 1] == $t[$j - 1]:
                $d[$i][$j] = $d[$i - 1][$j - 1] + 1
            else:
                $d[$i][$j] = max($d[$i - 1][$j], $d[$i][$j - 1])
    return $d[$m][$n]
>>> int: $f(<short>, <short>)

def $f($s:str):
    $b:str = ''
    «$c:str = ''
    for $x:char in $s:
        if $x in $c:
            $c = $c[$c.index($x) + 1:]
        $c += $x
        if len($c) > len($b):
            $b = $c
    return $b¦for $i:nat in range(len($s)):
        for $j:nat in range($i + 1, len($s) + 1):
            $t:str = $s[$i:$j]
            if $t == $t[::-1] and len($t) > len($b):
                $b = $t
    return $b¦for $x:char in $s:
        if $s.count($x) == 1:
            return $x
    return None»
>>> any: $f(<bigstr>)

def $f($a:ints):
    «$b:int = $c:int = $a[0]
    for $x:int in $a[1:]:
        $c = max($x, $c + $x)
        $b = max($b, $c)
    return $b¦$r:ints = []
    $s:int = 0
    for $x:int in $a:
        $s += $x
        $r.append($s)
    return $r¦return [$y:int - $x:int for $x, $y in zip($a, $a[1:])]¦$b:int = 0
    $l:int = $a[0]
    for $x:int in $a:
        $l = min($l, $x)
        $b = max($b, $x - $l)
    return $b¦$p:int = 0
    for $x:int in $a:
        if $x == 0: continue
        $a[$p] = $x
        $p += 1
    while $p < len($a):
        $a[$p] = 0
        $p += 1
    return $a¦$e:ints, $o:ints = [], []
    for $x:int in $a:
        ($e if $x % 2 == 0 else $o).append($x)
    return $e, $o¦$x:int = 0
    for $y:int in $a:
        $x ^= $y
    return $x¦return sorted($a)[len($a) // 2]¦$n:int = len($a)
    $s:ints = sorted($a)
    if $n % 2:
        return $s[$n // 2]
    return ($s[$n // 2 - 1] + $s[$n // 2]) / 2¦$m:int = sum($a) / len($a)
    return round(sum(($x:int - $m) ** 2 for $x in $a) / len($a), 2)»
>>> any: $f(<ints1>)

def $f($s:str):
    $l:ints = []
    for $t:str in $s.split():
        if $t in '+-*':
            $b:int = $l.pop()
            $a:int = $l.pop()
            «if $t == '+':
                $l.append($a + $b)
            elif $t == '-':
                $l.append($a - $b)
            else:
                $l.append($a * $b)¦$l.append({'+': $a + $b, '-': $a - $b, '*': $a * $b}[$t])»
        else:
            $l.append(int($t))
    return $l«[0]¦.pop()¦[-1]»
>>> int: $f(<postfix>)

def $f1($s:str):
    $r:strs = []
    $n:str = ''
    for $c:char in $s:
        if $c.isdigit():
            $n += $c
        elif $c != ' ':
            if $n:
                $r.append($n)
                $n = ''
            $r.append($c)
    if $n: $r.append($n)
    return $r
«def $f2($e:str):
    $l:strs = $f1($e)
    $t:int = int($l[0])
    for $i:nat in range(1, len($l), 2):
        $v:int = int($l[$i + 1])
        if $l[$i] == '+':
            $t += $v
        elif $l[$i] == '-':
            $t -= $v
        else:
            $t *= $v
    return $t
>>> int: $f2(<expression>)¦>>> strs: $f1(<expression>)»

def $f($n:int):
    $c:int = 0
    while $n != 1 and $c < <small>:
        $n = $n // 2 if $n % 2 == 0 else 3 * $n + 1
        $c += 1
    return $c
>>> int: $f(<pos>)

def $f($n:int):
    «$r:strs = []
    for $i:nat in range(1, $n + 1):
        if $i % 15 == 0:
            $r.append('FizzBuzz')
        elif $i % 3 == 0:
            $r.append('Fizz')
        elif $i % 5 == 0:
            $r.append('Buzz')
        else:
            $r.append(str($i))
    return $r¦return ['«Fizz¦ping»' * ($i:nat % «3¦2» == 0) + '«Buzz¦pong»' * ($i % «5¦4» == 0) or $i for $i in range(1, $n + 1)]¦$s:str = ''
    if $n % 3 == 0: $s += 'Fizz'
    if $n % 5 == 0: $s += 'Buzz'
    return $s or str($n)»
>>> any: $f(<nat>)

def $f($y:int):
    «return $y % 4 == 0 and ($y % 100 != 0 or $y % 400 == 0)¦if $y % 400 == 0:
        return True
    if $y % 100 == 0:
        return False
    return $y % 4 == 0»
>>> bool: $f(<year>)

def $f($n:int):
    if $n >= <big>:
        return <word>
    elif $n «>= ¦> »<int>:
        return <word>
    elif $n «==¦!=» <int>:
        return <word>
    return <word>
>>> str: $f(<int>)

def $f($n:int, $a:char='A', $b:char='B', $c:char='C'):
    if $n == 0:
        return 0
    return $f($n - 1, $a, $c, $b) + 1 + $f($n - 1, $c, $b, $a)
>>> int: $f(<bool> + 2)

def $f($a:ints):
    if not $a:
        return [[]]
    $r:grid = $f($a[1:])
    return $r + [[$a[0]] + $x:ints for $x in $r]
>>> grid: $f([<int>, <int>, <int>])

def $f($s:str):
    if len($s) <= 1:
        return [$s]
    $r:strs = []
    for $i:nat, $c:char in enumerate($s):
        for $p:str in $f($s[:$i] + $s[$i + 1:]):
            $r.append($c + $p)
    return $r
>>> strs: $f(<short>)

def $f($n:int):
    $t:grid = []
    for $i:nat in range($n):
        $r:ints = [1] * ($i + 1)
        for $j:nat in range(1, $i):
            $r[$j] = $t[$i - 1][$j - 1] + $t[$i - 1][$j]
        $t.append($r)
    return $t
>>> grid: $f(<pos>)

def $f($n:int, $c:ints):
    $d:ints = [0] + [$n + 1] * $n
    for $i:nat in range(1, $n + 1):
        for $x:int in $c:
            if $x <= $i:
                $d[$i] = min($d[$i], $d[$i - $x] + 1)
    return $d[$n] if $d[$n] <= $n else -1
>>> int: $f(<small>, [«1, ¦»<pos>, <pos>])

def $f($g:graph, $s:int):
    $v:ints = [$s]
    $q:ints = [$s]
    while $q:
        $n:int = $q.pop(«0¦»)
        for $m:int in $g.get($n, []):
            if $m not in $v:
                $v.append($m)
                $q.append($m)
    return $v
>>> ints: $f(<graph>, <bool> + 0)

def $f($g:graph, $n:int, $v:any=None):
    if $v is None:
        $v = «[]¦set()»
    if $n in $v:
        return $v
    «$v = $v | {$n}¦$v = {*$v, $n}»
    for $m:int in $g.get($n, ()):
        $v = $f($g, $m, $v)
    return $v
>>> any: $f(<graph>, <bool> + 1)

def $f($s:str):
    $t:str = 'start'
    $n:int = 0
    for $c:char in $s:
        «if $t == 'start':
            $t = 'digit' if $c.isdigit() else 'word'
        elif $t == 'digit' and not $c.isdigit():
            $t = 'word'
            $n += 1
        elif $t == 'word' and $c.isspace():
            $t = 'start'¦match $t, $c:
            case 'start', 'a' | 'b':
                $t = 'ab'
            case 'ab', _ if $c.isalpha():
                $n += 1
            case _:
                $t = 'start'»
    return «$t, $n¦$n¦$t»
>>> any: $f(<str>)

def $f(*$a:ituple, **$d:dsi):
    $t:int = 0
    for $x:int in $a:
        $t += $x
    for $k:str, $v:int in $d.items():
        «$t «+¦-»= $v¦if len($k) > 1:
            $t += $v»
    return $t
>>> int: $f(<int>, <int>, «x¦ab»=<int>)

def $f($v:int):
    def $f1($x:int):
        «nonlocal $v
        $v += $x
        return $v¦return $x * <pos> + $v»
    return $f1
def $f2($a:int, $b:int):
    $g:any = $f($a)
    $g($b)
    return $g(<int>)
>>> int: $f2(<int>, <int>)

def $f1($f2):
    def $f3(*args«, **kwargs¦»):
        $r:any = $f2(*args)
        return «$r + <int>¦[$r, $r]¦$r if $r else <int>¦str($r)»
    return $f3
@$f1
def $f($a:int, $b:int=<int>):
    return $a «+¦-¦*» $b
>>> any: $f(<int>, <int>)

def $f1($n:int):
    def $f2($f3):
        def $f4($x:int):
            $r:int = $x
            for $i:nat in range($n):
                $r = $f3($r)
            return $r
        return $f4
    return $f2
@$f1(<nat>)
def $f($a:int):
    return $a «+ <int>¦* 2¦- 1¦// 2»
>>> int: $f(<int>)

def $f1($f2, $a:ints):
    «$r:ints = []
    for $x:int in $a:
        $r.append($f2($x))
    return $r¦return [$f2($x:int) for $x in $a]¦return list(map($f2, $a))»
def $f3($n:int):
    return $n «** 2¦+ <int>¦* <nat>¦% <pos>»
def $f($b:ints):
    return $f1(«$f3¦lambda $y:int: $f3($y) «+¦-» 1¦abs», $b)
>>> ints: $f(<ints>)

def $f1($g:any, $h:any):
    return lambda $x:int: $g($h($x))
def $f($n:int):
    $a:any = $f1(lambda $y:int: $y «+¦-» <int>, lambda $z:int: $z * <pos>)
    return $a($n)
>>> int: $f(<int>)

def $f1($n:int):
    «$i:nat = 0
    while $i < $n:
        yield $i «* <pos>¦** 2¦»
        $i += 1¦for $i:nat in range($n):
        if $i % 2«¦ == 0»:
            yield $i¦$a:int, $b:int = 0, 1
    for $i:nat in range($n):
        yield $a
        $a, $b = $b, $a + $b¦while $n:
        yield $n
        $n -= 1¦yield from range($n)
    yield -1»
def $f($m:int):
    «return list($f1($m))¦return sum($f1($m))¦$t:int = 0
    for $x:int in $f1($m):
        $t += $x
    return $t¦return [$x:int + 1 for $x in $f1($m) if $x]¦$g:any = $f1($m)
    return next($g, None), next($g, None)»
>>> any: $f(<nat>)

def $f1($a:any):
    for $x:any in $a:
        if isinstance($x, list):
            yield from $f1($x)
        else:
            yield $x
def $f($b:any):
    return list($f1($b))
>>> ints: $f(<tree>)

def $f1($n:int):
    return True if $n == 0 else $f2($n - 1)
def $f2($n:int):
    return False if $n == 0 else $f1($n - 1)
>>> bool: $f1(<nat>)

$n:int = <nat>
def $f1($x:int):
    global $n
    $n += $x
    return $n
def $f($a:int):
    $f1($a)
    $f1(<int>)
    return $n
>>> int: $f(<int>)

def $f1($s:str):
    «return $s.strip()¦$s = $s.strip()
    return $s»
def $f2($s:str):
    return $s.«lower¦upper¦title»()
def $f3($s:str):
    return «$s.split()¦list($s)¦$s.split(',')»
def $f($t:str):
    $w:strs = $f3($f2($f1($t)))
    «$n:int = 0
    for $x:str in $w:
        $n += len($x)
    return $n¦return len($w), $w¦return '-'.join($w)»
>>> any: $f(<sentence>)

def $f($a:recs):
    «$t:int = 0
    for $r:rec in $a:
        $t += $r['«age¦score»']
    return $t¦return [$r:rec['name'] for $r in $a if $r['age'] «>¦<» <int>]¦return sorted($a, key=lambda $r:rec: $r['score'])¦$d:any = {}
    for $r:rec in $a:
        $d[$r['name']] = $r['score']
    return $d¦return max($a, key=lambda $r:rec: $r['age'])['name']¦for $r:rec in $a:
        $r['ok'] = $r['score'] > <int>
    return $a¦$n:int = 0
    for $r:rec in $a:
        if $r.get('age', 0) >= 18 and $r['name']:
            $n += 1
    return $n / len($a)»
>>> any: $f(<recs1>)

def $f1($a:int, $b:int):
    if $b == 0:
        raise «ZeroDivisionError¦ValueError»('«bad¦division by zero¦no»')
    return $a «/¦//¦%» $b
def $f($x:int, $y:int):
    try:
        $r:any = $f1($x, $y)
    except (ZeroDivisionError, ValueError) as $e:exc:
        $r = «str($e)¦None¦-1¦$e.args»
    «else:
        $r += 1
    ¦»finally:
        $z:int = <int>
    return $r«¦, $z»
>>> any: $f(<int>, <bool> * <int>)

class $k:
    def __init__(self, $a:str, $b:int=0):
        self.owner = $a
        self.balance = $b
    def deposit(self, $x:int):
        «if $x <= 0:
            raise ValueError('bad amount')
        ¦»self.balance += $x
        return self.balance
    def withdraw(self, $x:int):
        if $x > self.balance:
            «raise ValueError('insufficient funds')¦return False»
        self.balance -= $x
        return «True¦self.balance»
    def __repr__(self):
        return f'{self.owner}: {self.balance}'
def $f($n:int, $m:int):
    $z:obj = $k(<word>, $n)
    $z.deposit(<pos>)
    «$z.withdraw($m)
    ¦if $z.balance > $m:
        $z.withdraw($m)
    ¦try:
        $z.withdraw($m)
    except ValueError as $e:exc:
        return str($e)
    »return «$z.balance¦repr($z)¦$z»
>>> any: $f(<int>, <pos>)

class $k:
    def __init__(self):
        self.items = []
    def push(self, $x:any):
        self.items.append($x)
    def pop(self):
        «if not self.items:
            return None
        ¦»return self.items.pop(«¦0»)
    def peek(self):
        return self.items[-1] if self.items else None
    def __len__(self):
        return len(self.items)
    «@property
    def empty(self):
        return not self.items¦def is_empty(self):
        return len(self.items) == 0»
def $f($a:ints):
    $z:obj = $k()
    for $y:int in $a:
        $z.push($y)
    $r:ints = []
    while len($z) > <bool> + 0:
        $r.append($z.pop())
    return $r
>>> ints: $f(<ints>)

class $k:
    def __init__(self, value, next=None):
        self.value = value
        self.next = next
def $f1($a:ints):
    $h:any = None
    for $x:int in «reversed($a)¦$a[::-1]¦$a»:
        $h = $k($x, $h)
    return $h
def $f($b:ints):
    $n:any = $f1($b)
    «$t:int = 0
    while $n:
        $t += $n.value
        $n = $n.next
    return $t¦$r:ints = []
    while $n is not None:
        $r.append($n.value)
        $n = $n.next
    return $r¦$p:any = None
    while $n:
        $n.next, $p, $n = $p, $n, $n.next
    return $p.value if $p else None»
>>> any: $f([<int>, <int>, <int>])

class $k:
    def __init__(self, value):
        self.value = value
        self.left = None
        self.right = None
    def insert(self, value):
        if value < self.value:
            if self.left is None:
                self.left = $k(value)
            else:
                self.left.insert(value)
        elif self.right is None:
            self.right = $k(value)
        else:
            self.right.insert(value)
def $f1($n:any):
    «if $n is None:
        return 0
    return 1 + max($f1($n.left), $f1($n.right))¦if not $n:
        return []
    return $f1($n.left) + [$n.value] + $f1($n.right)¦return 0 if $n is None else $n.value + $f1($n.left) + $f1($n.right)»
def $f($a:ints):
    $t:any = $k($a[0])
    for $x:int in $a[1:]:
        $t.insert($x)
    return $f1($t)
>>> any: $f([<int>, <int>, <int>])

class $k:
    def __init__(self, x, y=<int>):
        self.x = x
        self.y = y
    def __add__(self, other):
        return $k(self.x + other.x, self.y + other.y)
    def __eq__(self, other):
        return self.x == other.x and self.y == other.y
    «def __repr__(self):
        return f'($k({self.x}, {self.y}))'¦def __str__(self):
        return '<' + str(self.x) + '>'
    def __repr__(self):
        return str(self)»
    def __mul__(self, k):
        return $k(self.x * k, self.y * k)
    def __lt__(self, other):
        return (self.x, self.y) < (other.x, other.y)
def $f($a:int, $b:int):
    $p:obj = $k($a, $b)
    $q:obj = «$p + $k(<int>, <int>)¦$k($b) * <int>¦$k(<int>)»
    return «$p == $q¦$p + $q¦str($p)¦sorted([$p, $q])¦$p < $q, $q¦max($p, $q)»
>>> any: $f(<int>, <int>)

class $k1:
    sound = <word>
    def __init__(self, name):
        self.name = name
    def speak(self):
        return f'{self.name} says {self.sound}'
    def area(self):
        return <int>
class $k2($k1):
    sound = <word>
    def __init__(self, name, size=<int>):
        super().__init__(name)
        self.size = size
    def area(self):
        return «self.size ** 2¦super().area() + self.size¦self.size * <pos>»
def $f($s:str, $n:int):
    $l:any = [$k1($s), $k2($s«.upper()¦ + 'x'»), $k2(<word>, $n)]
    «return [$o:obj.speak() for $o in $l]¦$t:int = 0
    for $o:obj in $l:
        $t += $o.area()
    return $t¦return sum($o:obj.area() for $o in $l if isinstance($o, $k2))¦return [type($o:obj).__name__ for $o in $l]»
>>> any: $f(<word>, <int>)

class $k:
    def __init__(self, data):
        self.data = data
    def __getitem__(self, i):
        return self.data[i]
    def __setitem__(self, i, v):
        self.data[i] = v
    def __len__(self):
        return len(self.data)
    def __contains__(self, v):
        return v in self.data
    def __iter__(self):
        «return iter(self.data)¦for x in self.data:
            yield x»
    def __call__(self, n):
        return n * len(self)
    def __bool__(self):
        return bool(self.data)
def $f($a:ints):
    $z:obj = $k($a)
    $z[0] = <int>
    «return [$x:int for $x in $z]¦return $z[-1], len($z), <int> in $z¦return $z(<int>)¦$t:int = 0
    for $x:int in $z:
        $t += $x
    return $t¦return sum($z) if $z else None»
>>> any: $f(<ints1>)

class $k:
    count = 0
    def __init__(self, v):
        self._v = v
        $k.count += 1
    @property
    def value(self):
        return self._v «+ <int>¦* 2¦»
    @value.setter
    def value(self, v):
        self._v = «max(v, 0)¦v¦min(v, <int>)»
    @classmethod
    def make(cls, v):
        return cls(v «+¦-» 1)
    @staticmethod
    def check(v):
        return v «>¦<» <int>
def $f($n:int):
    $p:obj = $k($n)
    $q:obj = $k.make(<int>)
    $p.value = <int>
    «if $k.check($n):
        $p.value += $q.value
    return $p.value¦return $k.count, $p.value, $q.value¦return $k.check($p.value)»
>>> any: $f(<int>)

class $k:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return self
    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n
def $f($m:int):
    «return list($k($m))¦$t:int = 0
    for $x:int in $k($m):
        $t += $x
    return $t¦$z:obj = $k($m)
    return next($z, None), next($z, -1)¦return max($k($m), default=0)»
>>> any: $f(<nat>)
"""
