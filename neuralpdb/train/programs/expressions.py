"""The table of expressions: one line per form, `type weight template` (see `templates`).

Capital letters stand for families of types: L/E a list and its element, Q/I any iterable and its item, D/K/V a dict,
S/M a set, A anything that has a clear repr, C anything with a length, N a number, O what can be ordered, H a key.
A type that ends in 1 is never empty. A weight with `!` marks what may raise: used in some programs only.
"""

# ruff: noqa: E501 - a line of a table is a line of the program it becomes

from __future__ import annotations

from typing import Final

from neuralpdb.train.programs.templates import Family


def _family(letters: str, members: str) -> Family:
    return tuple(dict(zip(letters, member.split(":"), strict=True)) for member in members.split())


FAMILIES: Final[tuple[Family, ...]] = (
    _family(
        "LE", "ints:int ints:int strs:str strs:str floats:float bools:bool grid:ints pairs:pair points:point rows:strs"
    ),
    _family("QI", "ints:int ints:int strs:str strs:str ituple:int stuple:str iset:int str:char str:char points:point"),
    _family("DKV", "dsi:str:int dsi:str:int dis:int:str dss:str:str dii:int:int dsl:str:ints"),
    _family("SM", "iset:int sset:char"),
    _family("A", "int int str str ints strs bool float dsi ituple point pair bytes"),
    _family("C", "str str ints ints strs strs dsi dii iset sset ituple stuple grid pairs bytes"),
    _family("N", "int float"),
    _family("O", "int int str char float pair ints"),
    _family("H", "int str char"),
)

INT: Final = """
int 9 <int> + <int>
int 7 <int> - <int>
int 5 <int> * «<small>¦<nat>»
int 1 <small> * <int>
int 4 <int> // <nz>
int 5 <int> % <nz>
int 1 «<small>¦<nat>» ** <nat>
int 0.3 pow(<small>, <nat>)
int 0.3 pow(<nat>, <nat>, <pos>)
int 1 -<int>
int 0.3 +<int>
int 0.8 ~<int>
int 1 <int> & <int>
int 0.8 <int> | <int>
int 0.8 <int> ^ <int>
int 0.5 <int> << <nat>
int 0.6 <int> >> <nat>
int 3 abs(<int>)
int 0.8 abs(<int> - <int>)
int 4 len(<C>)
int 1.5 <int> if <bool> else <int>
int 0.8 <nz> and <int>
int 0.8 <int> or <int>
int 2 min(<int>, <int>)
int 2 max(<int>, <int>)
int 0.6 «min¦max»(<int>, <int>, <int>)
int 1.5 «min¦max»(<ints1>)
int 0.8 «min¦max»(<ituple1>)
int 0.5 «min¦max»(<iset1>)
int 0.6 «min¦max»(<ints>, default=<int>)
int 1.2 «min¦max»(len(<str>), <nat>)
int 0.5 «min¦max»(len($x:str) for $x:str in <strs1>)
int 0.4 «min¦max»(map(len, <strs1>))
int 0.6 «min¦max»(<ints1>, key=lambda $x:int: <int:x>)
int 0.4 «min¦max»(<ints1>, key=abs)
int 0.5 «min¦max»(<dsi1>.values())
int 0.4 «min¦max»(<dii1>)
int 3 sum(<ints>)
int 1 sum(<ituple>)
int 0.4 sum(<iset>)
int 0.4 sum(<bools>)
int 0.6 sum(<ints>, <int>)
int 0.8 sum(<dsi>.values())
int 2 sum(<int:x> for $x:I in <Q>)
int 1.2 sum(<int:x> for $x:I in <Q> if <bool:x>)
int 1.2 sum(1 for $x:I in <Q> if <bool:x>)
int 0.8 sum(<bool:x> for $x:I in <Q>)
int 0.8 sum([<int:x> for $x:I in <Q>])
int 0.5 sum($x:char == <char> for $x:char in <str>)
int 0.5 sum(map(len, <strs>))
int 0.5 sum(map(lambda $x:int: <int:x>, <ints>))
int 0.5 sum(<int:i,x> for $i:nat, $x:I in enumerate(<Q>))
int 0.4 sum($a:int * $b:int for $a:int, $b:int in zip(<ints>, <ints>))
int 0.3 sum(range(<nat>))
int 0.3 sum(int($x:char) for $x:char in str(abs(<int>)))
int 0.3 sum(sum($x:ints) for $x:ints in <grid>)
int 0.3 sum(int($x:char) for $x:char in <str> if $x.isdigit())
int 2.5 int(<bool>)
int 1.2 int(<char> == <char>)
int 0.6 int(<char> in <str>)
int 1 int(<float>)
int 1 int(<digits>)
int !0.4 int(<str>)
int 0.3 int(<digits>, 16)
int 0.4 int(bin(<nat>)[2:], 2)
int 0.3 int(hex(<nat>), 16)
int 1.2 round(<float>)
int 2.5 <str>.count(<char>)
int 1 <str>.count(<str1>)
int 0.4 <str>.count(<char>, <nat>)
int 1.5 <ints>.count(<int>)
int 0.8 <strs>.count(<str>)
int 0.5 <ituple>.count(<int>)
int 1.5 <str>.find(<char>)
int 0.7 <str>.«find¦rfind»(<str1>)
int 0.4 <str>.«find¦rfind»(<char>, <nat>)
int !1 <str>.«index¦rindex»(<char>)
int !1 <ints>.index(<int>)
int !0.6 <strs>.index(<str>)
int !0.4 <ituple>.index(<int>)
int 2 ord(<char>)
int 0.6 ord(<char>) - ord(«'a'¦'A'¦'0'»)
int 2 <ints1>[«0¦-1»]
int !3.5 <ints>[<nat>]
int 0.5 len(~v:str.zfill(len($v) * 2))
int !0.8 <ituple>[<nat>]
int !0.6 <grid>[<nat>][<nat>]
int 0.8 <ituple1>[«0¦-1»]
int 1 (<int>, <int>)[<bool>]
int 0.6 (<int>, <int>)[<int> % 2]
int 0.5 [<int>, <int>, <int>][<int> % 3]
int 0.3 [<int>, <int>][<bool>]
int 0.3 {True: <int>, False: <int>}[<bool>]
int 0.8 <point>[«0¦1»]
int 0.6 <pair>[1]
int 0.4 <points1>[0][«0¦1»]
int 0.4 <pairs1>[-1][1]
int 2.5 <dsi>.get(<str>, <int>)
int 0.8 <dii>.get(<int>, <int>)
int 0.6 <dsi>.get(<str>, 0) + 1
int !3 <dsi>[<str>]
int !0.6 <dii>[<int>]
int !0.3 <dsi>.pop(<str>)
int 0.3 dict(<dsi>).pop(<str>, <int>)
int 0.4 len(set(<Q>))
int 0.4 len(<str>.split())
int 0.6 len(<str>.split(<char>))
int 0.6 len(<str>.zfill(<nat> * 2))
int 0.5 len([$x:I for $x:I in <Q> if <bool:x>])
int 0.4 len(list(filter(None, <ints>)))
int 0.4 len(str(<int>))
int 0.3 len(<str> * <nat>)
int 0.3 len(range(<nat>, <int>))
int 0.3 len(bin(<nat>))
int 0.4 <int>.bit_length()
int 0.2 <int>.bit_count()
int 0.3 divmod(<int>, <nz>)[«0¦1»]
int 0.4 next(iter(<ints>), <int>)
int 0.4 next(($x:int for $x:int in <ints> if <bool:x>), <int>)
int 0.3 next(iter(<dsi1>.values()))
int 0.4 (lambda $x:int: <int:x>)(<int>)
int 0.3 (lambda $x:int, $y:int=<int>: <int:x,y>)(<int>)
int 0.3 (lambda *$x:ituple: <int:x>)(<int>, <int>)
int 0.3 len(list(zip(<ints>, <strs>)))
int 0.3 sorted(<ints1>)[«0¦-1»]
int 0.3 sorted(<ints1>)[len(<str>) * 0]
int 0.2 [*<ints>, <int>][-1]
int 0.2 <bytes1>[0]
int 0.2 len(<str>.encode())
int 0.2 len(<str>.encode('utf-8'))
int 0.2 <bytes>.count(b'a')
int 0.2 int.from_bytes(<bytes>[:2], 'big')
int 0.2 <str>.casefold().count(<char>)
int 0.3 ({<int>: <int>, <int>: <int>}).get(<int>, <int>)
int 0.2 (<float> > <float>) + <int>
int 0.2 True + <int>
int 0.2 <int>.«numerator¦real¦imag¦denominator»
int 0.2 getattr(<int>, 'real')
int 0.2 (<pos> / <pos>).as_integer_ratio()[«0¦1»]
int 0.5 math.gcd(<int>, <int>)
int 0.4 math.«floor¦ceil¦trunc»(<float>)
int 0.3 math.isqrt(<nat>)
int 0.3 math.factorial(<nat>)
int 0.3 math.prod(<ints>)
int 0.3 math.comb(<nat>, <nat>)
int 0.4 functools.reduce(lambda $a:int, $x:int: $a «+¦-» $x, <ints>, <int>)
int 0.2 functools.reduce(operator.add, <ints>, 0)
int 0.3 collections.Counter(<str>)[<char>]
int 0.2 bisect.«bisect_left¦bisect_right¦bisect»(sorted(<ints>), <int>)
int 0.2 operator.add(<int>, <int>)
int 1.5 ~v:ints1[<int> % len($v)]
int 0.4 ~v:ints1[len($v) // 2]
int 0.3 ~v:ints1.index($v[0])
int 0.4 sum(~v:ints) // max(len($v), 1)
int 0.3 ~v:ints1[-1] - $v[0]
int 0.3 len(~v:str) - len($v.replace(<char>, ''))
int 0.3 ~v:dsi1[list($v)[0]]
int 0.3 «min¦max»(~v:dii1, key=$v.get)
nat 4 len(<C>)
nat 3 <int> % <pos>
nat 2 abs(<int>) % <pos>
nat 1 min(<nat>, <nat>)
nat 0.6 <nat> + 1
nat 0.6 <nat> // 2
nat 0.6 <str>.count(<char>)
nat 0.6 int(<bool>)
nat 0.4 <nat> + <nat>
nat 0.3 max(<nat>, <nat>)
nat 0.3 1 if <bool> else <nat>
nat 0.3 <str>.find(<char>) + 1
pos 3 len(<str1>)
pos 1.5 len(<ints1>)
pos 1 len(<strs1>)
pos 2 <nat> + 1
pos 1 len(<C>) or <pos>
pos 0.5 max(<nat>, 1)
pos 0.5 <pos> * 2
nz 4 <pos>
nz 1 abs(<int>) + 1
nz 1 <int> or <nz>
nz 0.6 len(<C>) + <pos>
nz !1.5 <int>
small 4 <nat>
small 1 len(<str>)
small 0.6 <int> % 10
"""

FLOAT: Final = """
float 4 <float> + <float>
float 3 <float> - <float>
float 3 <float> * <N>
float 1 <int> * <float>
float 4 <int> / <nz>
float 2 <float> / <nz>
float !1 <float> / <float>
float 0.5 <float> // <nz>
float 0.5 <float> % <nz>
float 0.5 <float> ** 2
float 0.4 <pos> ** 0.5
float 0.4 abs(<float>) ** 0.5
float 1 -<float>
float 2 abs(<float>)
float 3 float(<int>)
float 0.8 float(<digits>)
float !0.1 float(<str>)
float 4 round(<float>, «1¦2¦2¦3»)
float 1.5 round(<int> / <nz>, «1¦2»)
float 1.5 sum(<floats1>) / len(<floats1>)
float 1.5 sum(<ints>) / «<pos>¦max(len(<ints>), 1)»
float 1.5 «min¦max»(<float>, <float>)
float 1 «min¦max»(<floats1>)
float 0.8 <floats1>[«0¦-1»]
float !0.6 <floats>[<nat>]
float 1 <float> if <bool> else <float>
float 0.6 sum(<float:x> for $x:float in <floats>) + 0.0
float 0.6 sum(<floats>, 0.0)
float 0.3 float(f'{<float>:.2f}')
float 0.4 math.sqrt(abs(<int>))
float 0.3 math.«sin¦cos¦exp»(<nat>)
float 0.2 math.pi * <nat>
float 0.2 math.hypot(<int>, <int>)
float 0.2 math.fsum(<floats>)
"""

BOOL: Final = """
bool 8 <int> «==¦!=¦<¦>¦<=¦>=» <int>
bool 3 <int> % <nz> «==¦!=» «0¦1¦<nat>»
bool 1.5 <int> % 2
bool 2 <float> «<¦>¦<=¦>=» <N>
bool 3 <str> «==¦!=» <str>
bool 3 <char> «==¦!=» <char>
bool 1 <str> «<¦>¦<=¦>=» <str>
bool 1 <char> «<¦>¦<=¦>=» <char>
bool 0.8 <ints> «==¦!=¦<¦>» <ints>
bool 0.5 <ituple> «==¦<» <ituple>
bool 0.4 <dsi> == <dsi>
bool 0.4 <point> «==¦<» <point>
bool 0.6 <iset> «==¦<=¦<¦>=» <iset>
bool 1.5 <int> «<¦<=» <int> «<¦<=» <int>
bool 0.4 <int> == <int> == <int>
bool 0.4 <int> < <int> > <int>
bool 0.5 <char> <= <char> <= <char>
bool 0.6 «'a' <= <char> <= 'z'¦'0' <= <char> <= '9'¦'A' <= <char> <= 'Z'»
bool 4 <bool> and <bool>
bool 4 <bool> or <bool>
bool 4 not <bool>
bool 0.6 <bool> «==¦!=¦^¦&¦|» <bool>
bool 3 <char> in <str>
bool 1.5 <char> not in <str>
bool 1 <str> in <str>
bool 1 <char> in «'aeiou'¦'aeiouAEIOU'¦'xyz'¦'0123456789'»
bool 0.5 <char> in {«'a', 'e', 'i'¦'x'¦',', '.'»}
bool 0.5 <char> in («'a', 'b'¦' ', '_'¦'x', »)
bool 0.4 <char> in [«'a', 'b', 'c'¦'-', '+'»]
bool 2 <int> «in¦not in» <ints>
bool 0.6 <int> in «(<int>, <int>)¦[<int>, <int>]¦{<int>, <int>}¦range(<nat>, <int>)¦range(<nat>)»
bool 1.5 <str> «in¦not in» <strs>
bool 1.5 <K> «in¦not in» <D>
bool 0.5 <int> in <ituple>
bool 0.7 <int> «in¦not in» <iset>
bool 0.3 <char> in <sset>
bool 0.4 <int> in <dsi>.values()
bool 0.3 (<str>, <int>) in <dsi>.items()
bool 2 <str>.«startswith¦endswith»(<str1>)
bool 1.5 <str>.«startswith¦endswith»(<char>)
bool 0.3 <str>.«startswith¦endswith»((<char>, <char>))
bool 3 <char>.«isalpha¦isdigit¦isupper¦islower¦isalnum¦isspace»()
bool 2.5 <str>.«isalpha¦isdigit¦isupper¦islower¦isalnum¦isspace¦istitle¦isnumeric¦isdecimal¦isidentifier¦isascii¦isprintable»()
bool 1 <str> == <str>[::-1]
bool 0.5 <ints> == sorted(<ints>)
bool 0.4 <ints> == <ints>[::-1]
bool 0.5 sorted(<str>) == sorted(<str>)
bool 0.5 len(<C>) «==¦>¦<» <nat>
bool 0.6 len(<C>) == len(<C>)
bool 0.6 len(<C>) % 2 == 0
bool 1.5 «any¦all»(<bool:x> for $x:I in <Q>)
bool 0.6 «any¦all»([<bool:x> for $x:I in <Q>])
bool 0.6 «any¦all»(<L>)
bool 0.3 «any¦all»(map(str.isalpha, <strs>))
bool 0.4 all(<int:i,x> >= 0 for $i:nat, $x:int in enumerate(<ints>))
bool 0.4 all($a:int «<=¦<» $b:int for $a:int, $b:int in zip(<ints>, <ints>[1:]))
bool 1 bool(<A>)
bool 0.4 bool(<C>)
bool 0.8 isinstance(<A>, «int¦str¦list¦dict¦tuple¦float¦bool¦(int, float)¦(list, tuple)»)
bool 0.4 type(<A>) «is¦==» «int¦str¦list»
bool 0.4 <D>.get(<K>) is «None¦not None»
bool 0.4 ~v:any is «None¦not None»
bool 0.4 ~v:A is «None¦not None»
bool 0.2 ~v:ints is ~w:ints
bool 0.3 <A> «==¦!=» <A>
bool 0.5 (<bool>, <bool>)[<bool>]
bool 0.4 <bool> if <bool> else <bool>
bool 0.5 <bools1>[«0¦-1»]
bool !0.4 <bools>[<nat>]
bool 0.3 (lambda $x:int: <bool:x>)(<int>)
bool 0.9 <S>.«issubset¦issuperset¦isdisjoint»(<S>)
bool 0.3 callable(<A>)
bool 0.3 hasattr(<A>, «'upper'¦'append'¦'keys'¦'real'»)
bool 0.3 <bytes> == <bytes>
bool 0.3 b'a' in <bytes>
bool 0.2 <float>.is_integer()
bool 0.2 not <C>
bool 0.4 <int> & 1
bool 0.3 <int> & 1 == 0
bool 0.2 math.«isclose»(<float>, <float>)
bool 0.2 re.match(«'[a-z]+'¦r'\\d+'¦'a.'», <str>) is not None
bool 0.2 bool(re.search(«'[aeiou]'¦r'\\d'¦r'\\s'», <str>))
bool 0.2 <char> in string.«ascii_lowercase¦ascii_uppercase¦digits¦punctuation¦ascii_letters»
"""

STR: Final = """
str 9 <str> + <str>
str 3 <str> + <char>
str 1.5 <char> + <str>
str 1.5 <char> * <nat>
str 1 <str> * <nat>
str 3 <str>[«1:¦:-1¦::-1¦::2¦1:-1¦:3¦-2:¦::-2¦2:¦:1¦-3:-1¦:»]
str 2 <str>[::-1]
str 2 <str>[«<nat>:¦:<nat>¦<nat>:<nat>¦-<pos>:¦:-<pos>¦::<pos>¦<nat>::<pos>¦::-<pos>»]
str 0.5 <str>[len(<str>) // 2:]
str 0.5 <str>[:len(<str>) // 2]
str 3 <str>.«upper¦lower»()
str 2 <str>.«title¦capitalize¦swapcase¦casefold»()
str 2.5 <str>.«strip¦lstrip¦rstrip»()
str 1 <str>.«strip¦lstrip¦rstrip»(<str1>)
str 3 <str>.replace(<char>, <str>)
str 1 <str>.replace(<str1>, <str>)
str 0.5 <str>.replace(<char>, <char>, <nat>)
str 0.6 <str>.replace(' ', «''¦'_'¦'-'»)
str 1 <str>.zfill(<nat>)
str 0.5 <str>.zfill(len(<str>) + <nat>)
str 1 <str>.«ljust¦rjust¦center»(<nat>, <char>)
str 0.6 <str>.«ljust¦rjust¦center»(<nat> + <pos>)
str 0.6 <str>.«removeprefix¦removesuffix»(<str1>)
str 0.3 <str>.expandtabs(<nat>)
str 0.4 <str>.translate(str.maketrans(<char>, <char>))
str 0.2 <str>.translate(str.maketrans('', '', <str>))
str 0.2 <str>.translate({ord(<char>): <char>})
str 0.8 <str>.«partition¦rpartition»(<char>)[«0¦1¦2¦-1»]
str 1 <str>.split(<char>)[«0¦-1»]
str 0.5 <str>.rsplit(<char>, 1)[«0¦-1»]
str !0.8 <str>.split()[«0¦-1¦1»]
str 3 <str>.join(<strs>)
str 1.5 «''¦' '¦'-'¦', '».join(<strs>)
str 1.5 ''.join(<str:x> for $x:char in <str>)
str 1.5 «''¦'-'».join([<str:x> for $x:I in <Q>])
str 1 ''.join($x:char for $x:char in <str> if <bool:x>)
str 0.5 ''.join(sorted(<str>))
str 0.5 ''.join(reversed(<str>))
str 0.3 ''.join(sorted(<str>, reverse=True))
str 0.4 ''.join(sorted(set(<str>)))
str 0.4 ''.join(map(str, <ints>))
str 0.3 ','.join(str($x:int) for $x:int in <ints>)
str 0.3 ''.join(chr(ord($x:char) + <nat>) for $x:char in <str>)
str 0.3 ''.join(dict.fromkeys(<str>))
str 0.3 ''.join($a:char + $b:char for $a:char, $b:char in zip(<str>, <str>))
str 4 str(<int>)
str 1.2 str(<A>)
str 0.8 repr(<A>)
str 0.2 ascii(<str>)
str 0.6 bin(<int>)
str 0.5 «hex¦oct»(<int>)
str 0.4 bin(<nat>)[2:]
str 0.5 format(<int>, «'b'¦'x'¦'o'¦'05d'¦'>6'¦',d'¦'+d'¦'08b'»)
str 0.3 format(<float>, «'.1f'¦'.2f'¦'.3e'¦'8.2f'»)
str 0.3 format(<str>, «'>8'¦'<6'¦'^9'¦'*^9'»)
str 3 f'{<str>}{<int>}'
str 1.5 f'{<A>}'
str 1.5 f'{<str>}«: ¦=¦ -> ¦,¦ »{<A>}'
str 0.8 f'{<A>!r}'
str 0.3 f'«<{<A>}>¦[{<A>}]¦({<A>})»'
str 0.2 f'{{{<int>}}}'
str 0.7 f'{<str>«:>8¦:<6¦:^7¦:*>5¦:_^9¦!r:>6¦!s»}'
str 0.7 f'{<int>«:03d¦:>4¦:<5¦:b¦:x¦:04b¦:,¦:+d¦:o¦:X¦:^6¦:#x»}'
str 0.7 f'{<float>«:.1f¦:.2f¦:8.3f¦:.0f¦:e¦:.2%¦:g»}'
str 0.2 f'{<int>:{<nat>}}'
str 0.4 f'{<int>} + {<int>} = {<int>}'
str 0.5 '%s' % <str>
str 0.4 '%d«%%¦ items¦»' % <int>
str 0.4 '%s-%d' % (<str>, <int>)
str 0.3 '%«05d¦x¦3d¦-4d»' % <int>
str 0.3 '%.2f' % <float>
str 0.2 '%r' % (<A>,)
str 0.5 '{}{}'.format(<str>, <int>)
str 0.4 '{0}«-¦:»{1}«¦{0}»'.format(<str>, <A>)
str 0.3 '{:>5}|{:<5}'.format(<str>, <int>)
str 0.2 '{a} {b}'.format(a=<str>, b=<int>)
str 2 <str> if <bool> else <str>
str 1 <str> or <str>
str 0.5 <str> and <str>
str 1.5 <strs1>[«0¦-1»]
str !1.5 <strs>[<nat>]
str 0.5 <pair>[0]
str 0.4 (<str>, <str>)[<bool>]
str 0.4 [<str>, <str>][<int> % 2]
str 0.4 «min¦max»(<strs1>)
str 0.5 «min¦max»(<strs1>, key=len)
str 0.3 «min¦max»(<str>, <str>)
str 0.3 max(<dsi1>.items(), key=lambda $x:pair: $x[1])[0]
str 0.4 sorted(<strs1>)[«0¦-1»]
str 1 <dss>.get(<str>, <str>)
str 0.8 <dis>.get(<int>, <str>)
str !1 <dss>[<str>]
str !0.4 <dis>[<int>]
str 0.3 {<int>: <str>, <int>: <str>}.get(<int>, <str>)
str 0.3 next(iter(<strs>), <str>)
str 0.3 next(($x:str for $x:str in <strs> if <bool:x>), <str>)
str 0.4 (lambda $x:str: <str:x>)(<str>)
str 0.5 type(<A>).__name__
str 0.3 <str>.encode().decode()
str 0.3 <bytes>.decode()
str 0.3 <str>.encode('ascii', 'ignore').decode('ascii')
str 0.2 <bytes>.hex()
str 0.3 str(<bool>)
str 0.3 str(<float>)
str 0.2 list(<dsi1>)[0]
str 0.2 list(<dsi1>.keys())[-1]
str 0.2 chr(ord(<char>) + 1) + <str>
str 0.3 re.sub(«'[aeiou]'¦r'\\d+'¦r'\\s+'¦'[^a-z]'», <str>, <str>)
str 0.2 string.capwords(<str>)
str 0.2 functools.reduce(lambda $a:str, $x:str: $x + $a, <strs>, '')
str1 4 <str1> + <str>
str1 2 <str1>.«upper¦lower¦title¦swapcase»()
str1 2 <str1>[::-1]
str1 1 <str> or <str1>
str1 2 str(<int>)
str1 1 <char> * <pos>
str1 1 f'{<str1>}{<int>}'
str1 0.5 <str1> if <bool> else <str1>
char 3 <str1>[«0¦-1»]
char !2 <str>[<nat>]
char 1 chr(<nat> + 97)
char 0.6 chr(ord('«a¦A»') + <nat>)
char 0.5 chr(ord(<char>) + «1¦<nat>»)
char 1 <char>.«upper¦lower»()
char 1 <char> if <bool> else <char>
char 0.6 «'abc'¦'xyz'»[<int> % 3]
char 0.5 '01'[<int> % 2]
char 0.4 str(<int>)[-1]
char 0.4 «min¦max»(<str1>)
char 1 ~v:str1[<int> % len($v)]
char 0.5 max(~v:str1, key=$v.count)
str 0.5 ~v:str[:1].upper() + $v[1:]
str 0.4 ~v:str[1:] + $v[:1]
str 0.4 ~v:str[-<pos>:] + $v[:-1]
str 0.3 ~v:str[::2] + $v[1::2]
str 0.4 «min¦max»(~v:dsi1, key=$v.get)
str 0.3 «min¦max»(~v:dsi1, key=lambda $k:str: $v[$k])
str 0.3 f'{~v:int=}'
str 0.3 f'{~v:str=}'
str 0.4 ~v:strs1[<int> % len($v)]
str 0.3 ''.join(~v:str[$i:nat] for $i:nat in range(len($v)) if <bool:i>)
str 0.3 ' '.join($w:str[::-1] for $w:str in <str>.split())
bool 0.5 ~v:str == $v[::-1]
bool 0.3 ~v:str.lower() == $v.lower()[::-1]
bool 0.4 len(~v:ints) == len(set($v))
bool 0.3 ~v:ints == sorted($v)
strs 0.3 [~v:str[$i:nat:] for $i:nat in range(len($v))]
strs 0.3 [~v:str[$i:nat:$i + 2] for $i:nat in range(0, len($v), 2)]
strs 0.3 sorted(~v:strs, key=$v.index)
ints 0.4 [~v:ints[$i:nat] for $i:nat in range(len($v)) if <bool:i>]
ints 0.4 [~v:ints[$i:nat] + $i for $i:nat in range(len($v))]
ints 0.3 [$i:nat for $i:nat in range(len(~v:str)) if $v[$i] == <char>]
points 0.4 [(~v:ints.count($x:int), $x) for $x:int in $v]
points 0.4 list(zip(~v:ints, $v[1:]))
dsi 0.6 {$c:char: ~v:str.count($c) for $c:char in $v}
dsi 0.4 {$k:str: ~v:dsi[$k] for $k:str in sorted($v)}
dsi 0.4 {$k:str: ~v:dsi[$k] + <int> for $k:str in $v}
digits 3 str(<nat>)
digits 1 str(abs(<int>))
digits 0.6 <digits> + <digits>
digits 0.6 <digits>[::-1]
digits 0.4 <digits>.zfill(<pos>)
bytes 2 <bytes> + <bytes>
bytes 3 <str>.encode()
bytes 1 <str>.encode(«'utf-8'¦'utf8'»)
bytes 1 <bytes>[«1:¦:2¦::-1¦-2:»]
bytes 0.6 <bytes>.«upper¦lower¦strip¦title»()
bytes 0.4 <bytes>.replace(b'a', b'«b¦¦xy»')
bytes 0.4 bytes([<int> % 256, <int> % 256])
bytes 0.3 bytes(range(<nat>))
bytes 0.3 bytes(<nat>)
bytes 0.3 <bytes> * <nat>
bytes 0.3 b'-'.join([<bytes>, <bytes>])
bytes 0.2 bytearray(<bytes>)[1:] and <bytes>
bytes 0.2 (<int> % 256).to_bytes(2, 'big')
bytes1 2 b'x' + <bytes>
bytes1 1 <bytes1> + <bytes>
"""

LIST: Final = """
L 4 <L> + <L>
L 2 [<E>, <E>]
L 1 [<E>]
L 1 [<E>, <E>, <E>]
L 0.8 [*<L>, <E>]
L 0.4 [<E>, *<L>]
L 0.4 [*<L>, *<L>]
L 3 <L>[«1:¦:-1¦::-1¦::2¦:2¦-2:¦1::2¦:¦::-2»]
L 2 <L>[«<nat>:¦:<nat>¦<nat>:<nat>¦-<pos>:¦::<pos>¦:-<pos>¦::-<pos>»]
L 0.3 <L>[slice(<nat>, <nat>)]
L 1 <L> * <nat>
L 0.5 [<E>] * <nat>
L 1 list(<L>)
L 0.8 <L>.copy()
L 1 list(reversed(<L>))
L 2 sorted(<L>)
L 1 sorted(<L>, reverse=«True¦<bool>»)
L 1 sorted(<L>, key=lambda $x:E: <O:x>)
L 0.3 sorted(<L>, key=lambda $x:E: (<int:x>, <O:x>))
L 3 [<E:x> for $x:E in <L>]
L 3 [$x:E for $x:E in <L> if <bool:x>]
L 1.5 [<E:x> for $x:E in <L> if <bool:x>]
L 1 [<E:x> if <bool:x> else <E:x> for $x:E in <L>]
L 2 [<E:x> for $x:I in <Q>]
L 1 [<E:x> for $x:I in <Q> if <bool:x>]
L 0.8 [<E:i> for $i:nat in range(<nat>)]
L 0.8 [<E:i,x> for $i:nat, $x:I in enumerate(<Q>)]
L 0.5 [$x:E for $i:nat, $x:E in enumerate(<L>) if <bool:i,x>]
L 0.4 [<E:k,v> for $k:K, $v:V in <D>.items()]
L 0.4 [<E:k> for $k:K in <D>]
L 0.4 [<E:a,b> for $a:int in range(<nat>) for $b:char in <str>]
L 0.4 [<E:a,b> for $a:int in <ints> for $b:int in <ints> if <bool:a,b>]
L 0.4 [<E:a,b> for $a:E, $b:int in zip(<L>, <ints>)]
L 1 list(map(lambda $x:I: <E:x>, <Q>))
L 1 list(filter(lambda $x:E: <bool:x>, <L>))
L 1 <L> if <bool> else <L>
L 0.6 <L> or <L>
L 0.3 <L> and <L>
L 0.3 (lambda $x:L: <L:x>)(<L>)
L 0.2 list(itertools.chain(<L>, <L>))
L 0.2 list(itertools.islice(<L>, <nat>))
L 0.2 list(itertools.takewhile(lambda $x:E: <bool:x>, <L>))
L 0.2 list(itertools.dropwhile(lambda $x:E: <bool:x>, <L>))
L 0.15 copy.«copy¦deepcopy»(<L>)
L1 4 <L1>[::-1]
L1 3 <L1> + <L>
L1 2 [<E>] + <L>
L1 2 [<E>, *<L>]
L1 2 sorted(<L1>)
L1 1 <L> or [<E>]
L1 1 [<E:x> for $x:E in <L1>]
ints 2 list(range(<nat>))
ints 1 list(range(<nat>, <nat>))
ints 0.6 list(range(<nat>, <nat>, <pos>))
ints 0.6 list(range(<nat>, <int> % 3, -1))
ints 0.4 [*range(<nat>)]
ints 1 [ord($x:char) for $x:char in <str>]
ints 1 [len($x:str) for $x:str in <strs>]
ints 1 list(map(len, <strs>))
ints 0.6 list(map(abs, <ints>))
ints 0.6 [int($x:char) for $x:char in str(<nat>)]
ints 0.4 [int($x:char) for $x:char in <digits>]
ints 0.3 list(map(int, <digits>))
ints 0.3 list(map(ord, <str>))
ints 1 list(<ituple>)
ints 0.6 sorted(<iset>)
ints 0.5 sorted(set(<ints>))
ints 0.4 list(dict.fromkeys(<ints>))
ints 1 list(<dsi>.values())
ints 0.6 sorted(<dsi>.values())
ints 0.4 list(<dii>)
ints 0.4 sorted(<ints>, key=lambda $x:int: (<int:x>, $x))
ints 0.4 sorted(<ints>, key=abs)
ints 0.3 sorted(<ints>, key=str)
ints 0.4 list(divmod(<int>, <nz>))
ints 0.3 [$a:int «+¦*¦-» $b:nat for $a:int, $b:nat in zip(<ints>, range(<nat>))]
ints 0.3 [$x:int for $y:ints in <grid> for $x:int in $y]
ints 0.3 sum(<grid>, [])
ints 0.3 list(zip(*<grid>))[0:0] or <ints>
ints 0.3 list(<bytes>)
ints 0.3 [<str>.count($x:char) for $x:char in <str>]
ints 0.3 [<ints>.count($x:int) for $x:int in <ints>]
ints 0.3 [$i:nat for $i:nat, $x:I in enumerate(<Q>) if <bool:x>]
ints 0.3 list(filter(None, <ints>))
ints !0.6 <dsl>[<str>]
ints 0.6 <dsl>.get(<str>, <ints>)
ints 0.3 [*map(int, <bools>)]
ints 0.3 list(itertools.accumulate(<ints>))
ints 0.2 heapq.«nsmallest¦nlargest»(<nat>, <ints>)
strs 5 <str>.split()
strs 3 <str>.split(<char>)
strs 0.6 <str>.split(<char>, <nat>)
strs 0.5 <str>.rsplit(<char>, 1)
strs 0.6 <str>.splitlines()
strs 3 list(<str>)
strs 1 sorted(<str>)
strs 0.4 sorted(set(<str>))
strs 0.4 sorted(<str>, reverse=True)
strs 0.5 list(dict.fromkeys(<str>))
strs 0.6 sorted(<strs>, key=len)
strs 0.4 sorted(<strs>, key=str.lower)
strs 0.3 sorted(<strs>, key=lambda $x:str: (-len($x), $x))
strs 0.6 list(map(str, <ints>))
strs 0.5 list(map(str.«upper¦lower¦strip¦title», <strs>))
strs 0.8 [$x:str.«upper¦lower¦strip¦title¦capitalize»() for $x:str in <strs>]
strs 0.5 [str($x:int) for $x:int in <ints>]
strs 0.4 [$x:char for $x:char in <str> if <bool:x>]
strs 0.6 list(<dsi>)
strs 0.5 list(<dsi>.keys())
strs 0.5 sorted(<dsi>)
strs 0.3 sorted(<dsi>, key=lambda $x:str: <int:x>)
strs 0.4 list(<dss>.values())
strs 0.5 list(<str>.«partition¦rpartition»(<char>))
strs 0.4 list(<stuple>)
strs 0.3 [<str>[$i:nat:$i + 2] for $i:nat in range(<nat>)]
strs 0.3 [$a:str + $b:str for $a:str, $b:str in zip(<strs>, <strs>)]
strs 0.2 re.findall(«r'\\w+'¦r'\\d+'¦'[a-z]'¦r'[A-Z]\\w*'», <str>)
strs 0.2 re.split(«'[,;]'¦r'\\s+'», <str>)
floats 1 [$x:int / <pos> for $x:int in <ints>]
floats 1 [round($x:float, 1) for $x:float in <floats>]
floats 1 list(map(float, <ints>))
bools 1 [<bool:x> for $x:I in <Q>]
bools 0.6 list(map(bool, <ints>))
bools 0.4 [$a:int == $b:int for $a:int, $b:int in zip(<ints>, <ints>)]
grid 1 [<ints>, <ints>]
grid 1 [[<int:i,j> for $j:nat in range(<nat>)] for $i:nat in range(<nat>)]
grid 0.5 [[0] * <nat> for $i:nat in range(<nat>)]
grid 0.5 [$x:ints[::-1] for $x:ints in <grid>]
grid 0.4 [<ints>[$i:nat:$i + 2] for $i:nat in range(0, <nat>, 2)]
grid 0.3 [list($x:point) for $x:point in <points>]
grid 0.3 [list($x:ituple) for $x:ituple in zip(<ints>, <ints>)]
rows 1 [$x:str.split() for $x:str in <strs>]
rows 1 [list($x:str) for $x:str in <strs>]
rows 0.6 [sorted($x:str) for $x:str in <strs>]
pairs 2 list(<dsi>.items())
pairs 1 sorted(<dsi>.items())
pairs 0.8 sorted(<dsi>.items(), key=lambda $x:pair: $x[1])
pairs 0.4 sorted(<dsi>.items(), key=lambda $x:pair: (-$x[1], $x[0]))
pairs 1.5 list(zip(<strs>, <ints>))
pairs 1 [($x:str, len($x)) for $x:str in <strs>]
pairs 0.6 [($x:char, <int:x>) for $x:char in <str>]
pairs 0.4 [($x:char, <str>.count($x)) for $x:char in <str>]
pairs 0.3 collections.Counter(<str>).most_common(<nat>)
points 1.5 list(enumerate(<ints>))
points 1.5 list(zip(<ints>, <ints>))
points 0.6 list(zip(<ints>, <ints>[1:]))
points 0.6 list(<dii>.items())
points 0.6 [(<ints>.count($x:int), $x) for $x:int in <ints>]
points 0.4 [($a:int, $b:int) for $a:int in <ints> for $b:int in <ints> if <bool:a,b>]
points 0.3 list(itertools.combinations(<ints>, 2))
points 0.2 list(itertools.product(<ints>[:2], <ints>[:2]))
"""

OTHER: Final = """
D 1 dict(<D>)
D 1.5 {**<D>, <K>: <V>}
D 0.8 <D> | <D>
D 0.6 {<K>: <V>}
D 0.8 {<K>: <V>, <K>: <V>}
D 0.5 <D>.copy()
D 1 {$k:K: <V:k,v> for $k:K, $v:V in <D>.items()}
D 1 {$k:K: $v:V for $k:K, $v:V in <D>.items() if <bool:k,v>}
D 0.5 <D> or <D>
D 0.5 <D> if <bool> else <D>
D 0.4 dict(sorted(<D>.items()))
D 0.2 dict(reversed(<D>.items()))
D1 2 {**<D>, <K>: <V>}
D1 1 <D> or {<K>: <V>}
dsi 2 {$x:str: len($x) for $x:str in <strs>}
dsi 1.5 {$x:char: <str>.count($x) for $x:char in <str>}
dsi 1 {$x:char: <int:x> for $x:char in <str>}
dsi 1 dict(zip(<strs>, <ints>))
dsi 0.6 dict(<pairs>)
dsi 0.6 {$x:str: $i:nat for $i:nat, $x:str in enumerate(<strs>)}
dsi 0.5 dict.fromkeys(<str>, <int>)
dsi 0.3 dict.fromkeys(<strs>, <int>)
dsi 0.3 dict(a=<int>, b=<int>)
dsi 0.4 {$v:str: $k:int for $k:int, $v:str in <dis>.items()}
dsi 0.3 dict(collections.Counter(<str>))
dis 1 dict(enumerate(<strs>))
dis 1 {$v:int: $k:str for $k:str, $v:int in <dsi>.items()}
dis 0.8 {len($x:str): $x for $x:str in <strs>}
dis 0.5 {$i:nat: <str:i> for $i:nat in range(<nat>)}
dss 1 {$x:char: $x.upper() for $x:char in <str>}
dss 1 {$x:str: <str:x> for $x:str in <strs>}
dss 0.6 dict(zip(<str>, <str>))
dss 0.5 {$v:str: $k:str for $k:str, $v:str in <dss>.items()}
dii 1.5 {$x:int: <int:x> for $x:int in <ints>}
dii 1 {$i:nat: <int:i> for $i:nat in range(<nat>)}
dii 0.8 dict(enumerate(<ints>))
dii 0.6 {$x:int: <ints>.count($x) for $x:int in <ints>}
dii 0.4 dict(<points>)
dsl 1 {<str>: <ints>}
dsl 0.6 {$x:str: [<int:x>] for $x:str in <strs>}
dsl 0.6 {$k:str: [$v:int] for $k:str, $v:int in <dsi>.items()}
S 2 <S> «|¦&¦-¦^» <S>
S 2 <S>.«union¦intersection¦difference¦symmetric_difference»(<S>)
S 0.5 <S> | {<M>}
S 0.3 <S>.copy()
S 0.5 {<M:x> for $x:M in <S>}
iset 3 set(<ints>)
iset 1 {<int:x> for $x:int in <ints>}
iset 0.8 {$x:int for $x:int in <ints> if <bool:x>}
iset 0.8 {len($x:str) for $x:str in <strs>}
iset 0.5 set(range(<nat>))
iset 0.4 set(<ituple>)
iset 0.3 frozenset(<ints>)
iset1 1 <iset> | {<int>}
sset 3 set(<str>)
sset 1 {$x:char for $x:char in <str> if <bool:x>}
sset 0.3 frozenset(<str>)
sset1 1 set(<str1>)
ituple 3 tuple(<ints>)
ituple 1.5 <ituple> + <ituple>
ituple 1 (<int>, <int>, <int>)
ituple 0.8 (<int>,)
ituple 0.2 (<int>, )
ituple 1 <ituple>[«1:¦::-1¦:2¦:-1»]
ituple 0.6 tuple(<int:x> for $x:int in <ints>)
ituple 0.5 tuple(sorted(<ints>))
ituple 0.4 (<int>, *<ints>)
ituple 0.4 <ituple> + (<int>,)
ituple 0.4 tuple(map(len, <strs>))
ituple 0.3 tuple(range(<nat>))
ituple 0.3 <ituple> * <nat>
ituple1 2 (<int>, *<ints>)
ituple1 1 <ituple1>[::-1]
stuple 2 tuple(<strs>)
stuple 1 tuple(<str>)
stuple 1 (<str>, <str>)
stuple 0.6 (<str>,)
stuple 0.8 <str>.«partition¦rpartition»(<char>)
stuple 0.5 <stuple> + (<str>,)
stuple 0.3 <stuple>[::-1]
pair 3 (<str>, <int>)
pair 1 <pairs1>[«0¦-1»]
pair 0.6 «min¦max»(<pairs1>)
pair 0.5 «min¦max»(<dsi1>.items(), key=lambda $x:pair: $x[1])
pair 0.4 list(<dsi1>.items())[0]
pair 0.4 <pair> if <bool> else <pair>
pair 0.3 sorted(<pairs1>)[-1]
point 3 (<int>, <int>)
point 2 divmod(<int>, <nz>)
point 1 <points1>[«0¦-1»]
point 0.6 «min¦max»(<points1>)
point 0.5 <point>[::-1]
point 0.4 («min¦len»(<ints1>), «max¦sum»(<ints1>))
point 0.4 <point> if <bool> else <point>
point 0.3 (<point>[1], <point>[0])
any 3 <A>
any 0.5 <A> if <bool> else <A>
any 0.5 <D>.get(<K>)
any 0.3 <A> or None
any 0.2 None
any 0.4 (<A>, <A>)
any 0.4 [<A>, <A>]
any 0.3 {<str>: <A>}
any 0.2 [<A>, [<A>, <A>]]
any 0.2 range(<nat>)
any 0.1 complex(<int>, <int>)
fn 1 lambda $x:int: <int:x>
"""

TABLES: Final = (INT, FLOAT, BOOL, STR, LIST, OTHER)
