"""More everyday functions, in the language of `algorithms`: those that use the standard library, and text shapes."""

# ruff: noqa: E501 - a line of a table is a line of the program it becomes

from __future__ import annotations

from typing import Final

LIBRARY_ALGORITHMS: Final = r"""
@dataclasses.dataclass
class $k:
    name: str
    price: «int¦float» = <int>
    tags: list = dataclasses.field(default_factory=list)
    def total(self, n):
        return self.price * n
    «def __post_init__(self):
        self.name = self.name.«upper¦title¦strip»()¦@property
    def short(self):
        return self.name[:<pos>]»
def $f($s:str, $n:int):
    $p:obj = $k($s)
    $p.tags.append($n)
    $q:obj = $k($s, $n, [<word>])
    return «$p == $q¦$p¦[$p.total(2), $q.total($n)]¦dataclasses.asdict($q)¦$q.name, $p.tags¦dataclasses.replace($q, price=1)»
>>> any: $f(<word>, <int>)

class $k(enum.Enum):
    RED = 1
    GREEN = 'g'
    BLUE = 300
def $f($n:int):
    «if $n > <int>:
        $x:any = $k.RED
    else:
        $x = $k.BLUE
    return $x.name, $x.value¦return [$x:any.name for $x in $k if $x.value != $n]¦return $k['GREEN'].value * $n¦return $k.RED is $k.BLUE, $k('g').name»
>>> any: $f(<nat>)

@functools.lru_cache(maxsize=None)
def $f($n:int):
    «if $n < 2:
        return $n
    return $f($n - 1) + $f($n - 2)¦return 1 if $n <= 1 else $n * $f($n - 1)»
>>> int: $f(<nat>)

$k:class = collections.namedtuple(<short>, 'x y')
def $f($a:int, $b:int):
    $p:obj = $k($a, y=$b)
    $x:int, $y:int = $p
    return «$p.x + $y¦$p._asdict()¦$p._replace(x=$y)[0]¦tuple($p), $x¦$p[0] * $p.y»
>>> any: $f(<int>, <int>)

def $f($a:strs):
    $d:any = collections.«defaultdict(list)¦OrderedDict()»
    for $x:str in $a:
        «$d.setdefault(len($x), []).append($x)¦$d[len($x)] = $d.get(len($x), []) + [$x]»
    return «dict($d)¦sorted($d.items())¦$d»
>>> any: $f(<strs1>)

def $f($s:str):
    $c:any = collections.Counter($s«.lower()¦¦.split()»)
    «return $c.most_common(<pos>)¦return [$k1:char for $k1, $v:int in $c.items() if $v «> 1¦== 1»]¦$c.update(<word>)
    return $c[<char>]¦return sum($c.values())¦return $c - collections.Counter(<word>)»
>>> any: $f(<sentence>)

def $f($a:ints, $n:int):
    $q:any = collections.deque($a«, maxlen=3¦»)
    «$q.rotate($n)
    return list($q)¦while $q:
        $x:int = $q.popleft()
        if $x «>¦<» $n:
            break
    return list($q)¦$q.append($n)
    $q.appendleft(-$n)
    return $q[0], $q[-1], len($q)¦$q.extend([$n, $n])
    return $q»
>>> any: $f(<ints1>, <nat>)

def $f($a:ints):
    $h:ints = []
    for $x:int in $a:
        heapq.heappush($h, $x)
    «return [heapq.heappop($h) for $i:nat in range(len($h))]¦return heapq.nsmallest(<pos>, $h)¦$t:int = heapq.heappop($h)
    if $h:
        heapq.heapreplace($h, $t + 1)
    return $h¦return $h»
>>> ints: $f(<ints1>)

def $f($a:ints, $t:int):
    $b:ints = sorted($a)
    $i:nat = bisect.«bisect_left¦bisect_right»($b, $t)
    «bisect.insort($b, $t)
    return $b¦return $i < len($b) and $b[$i] == $t¦return $b[:$i]¦return $i, len($b) - $i»
>>> any: $f(<ints1>, <int>)

def $f($a:ints):
    «return [list($g:any) for $n:any, $g in itertools.groupby($a, key=lambda $x:int: $x % 2)]¦return list(itertools.accumulate($a, «lambda $x:int, $y:int: $x + $y¦max¦operator.mul»))¦return [sum($p:any) for $p in itertools.combinations($a, 2)]¦return list(itertools.chain.from_iterable([$a, $a[::-1]]))¦return list(itertools.islice(itertools.cycle($a), <small>))¦return list(itertools.zip_longest($a, $a[1:], fillvalue=0))¦return functools.reduce(«operator.add¦operator.xor¦lambda $x:int, $y:int: $x if $x > $y else $y», $a)¦return sorted(enumerate($a), key=operator.itemgetter(1))¦return list(map(functools.partial(pow, 2), range(len($a))))»
>>> any: $f([<nat>, <nat>, <nat>])

def $f($s:str):
    «return re.sub(r'«\d¦[aeiou]¦\s+¦[^a-z]»', '«¦*¦-»', $s)¦return re.findall(r'«\w+¦[a-z]+¦\d+¦[A-Z]¦.a»', $s)¦$m:any = re.«search¦match»(r'«(\w)(\w*)¦([a-z]+) ([a-z]+)¦(\d+)»', $s)
    if $m is None:
        return ''
    return $m.group(«0¦1»)¦return re.split(r'[ ,]', $s)¦return [$x:str for $x in $s.split() if re.fullmatch(r'[a-m]\w*', $x)]»
>>> any: $f(<sentence>)

def $f($s:str, $n:int):
    $l:str = string.«ascii_lowercase¦ascii_uppercase¦ascii_letters¦digits»
    «return ''.join($l[($l.index($c:char) + $n) % len($l)] if $c in $l else $c for $c in $s)¦$r:str = ''
    for $c:char in $s:
        if $c in $l:
            $r += $c
    return $r¦$t:any = str.maketrans($l, $l[$n:] + $l[:$n])
    return $s.translate($t)¦return sum($c:char in string.punctuation for $c in $s)»
>>> any: $f(<word>, <nat>)

def $f($a:int, $b:int, $c:int):
    «$d:int = $b ** 2 - 4 * $a * $c
    if $d < 0:
        return None
    return (-$b + math.sqrt($d)) / (2 * $a)¦return math.sqrt($a ** 2 + $b ** 2)¦return math.gcd($a, $b, $c), math.lcm($a, $b)¦if $a + $b <= $c:
        return 'none'
    $p:float = ($a + $b + $c) / 2
    return round(math.sqrt($p * abs($p - $a)), 2)¦return math.floor($a / $b) + math.ceil($c / $b)¦return round(math.pi * $a ** 2, 2)¦return math.isclose($a / $b, $c)¦return math.factorial($a) // math.factorial($b)»
>>> any: $f(<pos>, <pos>, <pos>)

@contextlib.contextmanager
def $f1($l:any, $s:str):
    $l.append('<' + $s)
    «try:
        yield $l
    finally:
        $l.append('>' + $s)¦yield len($l)
    $l.append(<char>)»
def $f($t:str):
    $r:strs = []
    with $f1($r, $t) as $x:any:
        $r.append(<word>)
    return $r
>>> strs: $f(<word>)

class $k(abc.ABC):
    @abc.abstractmethod
    def area(self):
        ...
    def describe(self):
        return f'{type(self).__name__}: {self.area()}'
class $k1($k):
    def __init__(self, a, b):
        self.a, self.b = a, b
    def area(self):
        return self.a * self.b
class $k2($k):
    def __init__(self, r):
        self.r = r
    def area(self):
        return <pos> * self.r ** 2
def $f($a:int, $b:int):
    $l:any = [$k1($a, $b), $k2($b)]
    «return [$x:obj.describe() for $x in $l]¦$t:int = 0
    for $x:obj in $l:
        $t += $x.area()
    return $t¦return max($l, key=lambda $x:obj: $x.area()).area()¦try:
        return $k()
    except TypeError:
        return -1»
>>> any: $f(<pos>, <pos>)

def $f($a:grid):
    $b:grid = copy.«deepcopy¦copy»($a)
    $b[0].append(<int>)
    $b.append([<int>])
    return «$a, $b¦$a == $b¦len($a[0]), len($b)¦$a[0] is $b[0]»
>>> any: $f(<square>)

def $f($a:int, $b:str='+', $c:int=<int>):
    $d:any = {'+': operator.add, '-': operator.sub, '*': operator.mul}
    «return $d[$b]($a, $c)¦$g:any = $d.get($b)
    if $g is None:
        raise ValueError($b)
    return $g($a, $c)¦return [$h:any($a, $c) for $h in $d.values()]»
>>> any: $f(<int>, «'+'¦'-'¦'*'¦<char>»)

def $f($s:str, $w:int):
    $l:strs = []
    $c:str = ''
    for $x:str in $s.split():
        if len($c) + len($x) + 1 > $w * 4 and $c:
            $l.append($c)
            $c = $x
        else:
            $c = «($c + ' ' + $x).strip()¦$c + ' ' + $x if $c else $x»
    if $c:
        $l.append($c)
    return $l
>>> strs: $f(<sentence>, <pos>)

def $f($s:str):
    «$r:str = ''
    for $i:nat, $c:char in enumerate($s):
        if $c.isupper() and $i > 0:
            $r += '_'
        $r += $c.lower()
    return $r¦$p:strs = $s.split('_')
    return $p[0] + ''.join($x:str.title() for $x in $p[1:])¦return ''.join($c:char.upper() if $c.islower() else $c.lower() for $c in $s)¦$l:strs = []
    for $w:str in $s.split():
        if $w[0] in 'aeiou':
            $l.append($w + 'way')
        else:
            $l.append($w[1:] + $w[0] + 'ay')
    return ' '.join($l)¦return ' '.join($w:str[0].upper() + $w[1:].lower() for $w in $s.split())»
>>> str: $f(«'helloWorldAgain'¦'some_snake_case'¦<sentence>¦<word>»)

def $f($s:str):
    $d:dsi = {}
    for $p:str in $s.split(';'):
        if '=' not in $p: continue
        $n:str, $e:str, $v:str = $p.partition('=')
        $d[$n.strip()] = int($v) if $v.isdigit() else «$v¦0¦len($v)»
    return $d
>>> any: $f(«'a=1;b=2'¦'x=10; y=ab;z'¦'k=v'¦''¦<str>»)

def $f($a:ints, $b:ints):
    «return [$x:int for $x in $a if $x in $b]¦return sorted(set($a) & set($b))¦return list(set($a) - set($b))¦$r:ints = []
    for $x:int in $a:
        if $x in $b and $x not in $r:
            $r.append($x)
    return $r¦return [$x:int + $y:int for $x, $y in zip($a, $b)]¦return dict(zip($a, $b))¦return sum($x:int * $y:int for $x, $y in zip($a, $b))¦$r:points = []
    for $x:int, $y:int in zip($a, reversed($b)):
        $r.append(($x, $y))
    return $r»
>>> any: $f([<nat>, <nat>, <nat>], [<nat>, <nat>, <nat>])

def $f($n:int):
    $r:strs = []
    for $i:nat in range(1, $n + 1):
        $r.append(«'*' * $i¦' ' * ($n - $i) + '*' * (2 * $i - 1)¦str($i) * $i¦' '.join(str($j:nat) for $j in range(1, $i + 1))¦('#' * $i).rjust($n)¦f'{$i:>3}|'»)
    return «$r¦'-'.join($r)¦'\n'.join($r)»
>>> any: $f(<pos>)

def $f($s:str, $c:char=«'r'¦'s'¦'e'¦<char>»):
    $l:ints = []
    for $i:nat, $x:char in enumerate($s):
        if $x «== $c¦in $c¦.lower() == $c»:
            $l.append($i«¦ + 1»)
    «return $l¦return len($l)¦return f'{$c}: {len($l)}'¦if not $l:
        return 0
    return $l[-1] - $l[0]»
>>> any: $f(<word>)

def $f($s:str, $c:char):
    «$a:str, $b:str, $t:str = $s.rpartition($c)
    return $a, $t¦$i:int = $s.rfind($c)
    if $i «== -1¦< 0»:
        return $s
    return $s[:$i] + $s[$i + 1:]¦$l:strs = $s.rsplit($c, 1)
    return $l[0] if len($l) > 1 else <word>¦while $s.startswith($c):
        $s = $s[1:]
    return $s¦while $c in $s:
        $s = $s.replace($c, '', 1)
    return $s¦$l:strs = list($s)
    while $c in $l:
        $l.remove($c)
    return ''.join($l)¦$l:strs = list($s)
    for $i:nat in range(len($l) - 1, -1, -1):
        if $l[$i] == $c:
            $l.pop($i)
    return ''.join($l)»
>>> any: $f(<word>, <char>)

def $f($s:str, $n:int):
    «return $s.zfill(len($s) + $n)¦return $s.zfill($n * 2)¦return $s.rjust($n * 3, '«0¦-»')¦$s = $s.center(len($s) + $n, '*')
    return $s, len($s)¦return $s.ljust($n) + '|'¦return len($s.zfill(len($s) * 2))¦$b:bytes = $s.encode('«utf-8¦ascii¦latin-1»', «'ignore'¦'replace'»)
    return $b, len($b)¦$t:str = $s * $n
    return $t[:len($s) + 1]¦return [$s[$i:nat:] + $s[:$i] for $i in range($n)]¦if len($s) > $n: return $s[:$n] + '...'
    return $s¦for $i:nat in range($n):
        $s = $s[-1] + $s[:-1]
    return $s¦return (2, 1)[$n % 2], $s.isupper()»
>>> any: $f(<word>, <nat>)

def $f($d:dsi, $n:int):
    «$r:any = {}
    while $d:
        $a:str, $b:int = $d.popitem()
        $r[$b] = $a
    return $r¦$r:strs = []
    for $a:str in list($d):
        if $d[$a] > $n:
            del $d[$a]
        else:
            $r.append($a)
    return $r, $d¦for $a:str, $b:int in $d.items():
        $d[$a] = $b + $n
    return $d¦return sorted($d, key=$d.get, reverse=True)[:$n]¦$m:int = max($d.values(), default=$n)
    return [$a:str for $a, $b:int in $d.items() if $b == $m]¦$t:int = 0
    for $a:str in sorted($d):
        $t = $t * «2¦10» + $d[$a]
    return $t¦return {$b:int: $a:str for $a, $b in $d.items()}¦$d['x'] = $d.setdefault('x', $n) + 1
    return list($d.items())[-1]¦return sum($d.values()) > $n and 'x' not in $d¦$d.update({'a': $n})
    return len($d), $d.pop('a')»
>>> any: $f(<dsi1>, <nat>)

def $f($a:ints, $n:int):
    «$a.sort(reverse=True)
    return $a[:$n]¦$a.pop($n % len($a))
    return $a¦for $i:nat in range($n):
        $a.append($a[$i % len($a)])
    return $a¦$r:points = []
    for $x:int in $a:
        $r.append(($a.count($x), $x))
    $r.sort()
    return $r¦$c:ints = $a[:]
    $c.reverse()
    return $a == $c, $c¦$c:ints = $a.copy()
    for $x:int in $a:
        if $x > $n:
            $c.remove($x)
    return $c¦del $a[::2]
    return $a or [$n]¦$a[1:2] = [$n, $n]
    return $a¦$a.insert($n, $a.pop())
    return $a¦return $a.index(max($a)), $a.index(min($a))¦$a += [$n] * 2
    $a.extend(range($n))
    return len($a), $a¦$x:int, *$c:ints = $a
    return $c + [$x]¦return [$x:int for $i:nat, $x in enumerate($a) if $i != $n]¦return [$a[$i:nat:$i + $n + 1] for $i in range(len($a))]¦$i:nat = 0
    while $i < len($a):
        if $a[$i] < $n:
            $a.pop($i)
        else:
            $i += 1
    return $a¦for $x:int in $a:
        if $x == $n: return True
    else:
        return False»
>>> any: $f(<ints1>, <nat>)
"""
