"""Letters of one script in words of another: Latin in Cyrillic, Cyrillic in Latin, and names of letters."""

from __future__ import annotations

import re
import unicodedata

CYRILLIC = frozenset("ru uk be bg sr mk kk ky tg mn tt ba".split())
"""Languages written in Cyrillic."""

_RUSSIAN_NAMES = dict(zip(
    "abcdefghijklmnopqrstuvwxyz",
    "эй би си ди и эф джи эйч ай джей кей эл эм эн оу пи кью ар эс ти ю ви дабл-ю экс уай зет".split(), strict=True))
_UKRAINIAN_NAMES = dict(zip(
    "abcdefghijklmnopqrstuvwxyz",
    "ей бі сі ді і еф джі ейч ай джей кей ел ем ен оу пі к'ю ар ес ті ю ві дабл-ю екс уай зет".split(), strict=True))
LATIN_NAMES = {"ru": _RUSSIAN_NAMES, "uk": _UKRAINIAN_NAMES, "be": _RUSSIAN_NAMES | dict(
    b="бі", c="сі", d="дзі", e="і", g="джы", p="пі", q="к'ю", t="ці", v="ві", h="эйч")}
"""Names of the Latin letters, by language."""

CYRILLIC_NAMES = dict(zip(
    "абвгдежзийклмнопрстуфхцчшщыэюяёіїєґў",
    "а бэ вэ гэ дэ е жэ зэ и и-краткое ка эль эм эн о пэ эр эс тэ у эф ха цэ че ша ща ы э ю я ё и и е гэ у".split(),
    strict=True)) | {"ь": "мягкий знак", "ъ": "твёрдый знак"}
"""Names of the Cyrillic letters, as Russian has them."""

KNOWN = {
    "python": "пайтон", "google": "гугл", "windows": "виндоус", "youtube": "ютуб", "apple": "эппл",
    "facebook": "фейсбук", "iphone": "айфон", "microsoft": "майкрософт", "linux": "линукс", "internet": "интернет",
    "online": "онлайн", "offline": "офлайн", "whatsapp": "ватсап", "telegram": "телеграм", "github": "гитхаб",
    "java": "джава", "javascript": "джаваскрипт", "twitter": "твиттер", "instagram": "инстаграм", "the": "зе",
    "email": "имейл", "e-mail": "имейл", "web": "веб", "wifi": "вай-фай", "wi-fi": "вай-фай", "ok": "окей",
    "bluetooth": "блютуз", "android": "андроид", "intel": "интел", "whisper": "виспер", "and": "энд", "of": "оф",
    "mail": "мейл", "gmail": "джимейл", "yandex": "яндекс", "app": "эпп", "store": "стор", "excel": "эксель",
    "word": "ворд", "office": "офис", "net": "нет", "com": "ком", "www": "три дабл-ю", "zoom": "зум",
    "docker": "докер", "amazon": "амазон", "netflix": "нетфликс", "tesla": "тесла", "file": "файл", "name": "нейм",
}
"""Latin words that have a usual Russian form which spelling does not give."""

_LATIN_RULES = [
    ("sch", "ш"), ("tch", "ч"), ("shch", "щ"), ("tion", "шн"), ("sion", "жн"), ("ture", "чер"), ("ough", "о"),
    ("igh", "ай"), ("eau", "о"), ("qu", "кв"), ("ck", "к"), ("ch", "ч"), ("sh", "ш"), ("zh", "ж"), ("kh", "х"),
    ("ph", "ф"), ("th", "т"), ("wh", "в"), ("ts", "ц"), ("tz", "ц"), ("oo", "у"), ("ee", "и"), ("ea", "и"),
    ("ou", "ау"), ("ow", "оу"), ("ai", "ей"), ("ay", "ей"), ("ei", "ей"), ("ey", "и"), ("oy", "ой"), ("oi", "ой"),
    ("ya", "я"), ("yu", "ю"), ("yo", "ё"), ("ye", "е"), ("ia", "иа"), ("ff", "фф"), ("dge", "дж"),
]
_LATIN_LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz",
                          "а б к д е ф г х и дж к л м н о п к р с т у в в кс и з".split(), strict=True))
_TO_LATIN = dict(zip(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў",
    "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya i yi ye g w".split(), strict=True))
_LATIN_LANGUAGE_FIX = {"uk": str.maketrans("эыёъ", "еийь"), "be": str.maketrans("ищ", "іш")}


def is_acronym(word: str) -> bool:
    """Whether a Latin word is read letter by letter: CPU, GPT, mp, but not Python or NATO."""
    if not re.fullmatch(r"[A-Za-z]+", word):
        return False
    if len(word) == 1:
        return True
    vowels = sum(letter in "aeiouyAEIOUY" for letter in word)
    if word.isupper():
        return len(word) <= 3 or vowels == 0 or (len(word) <= 5 and vowels * 4 < len(word) + 1)
    return vowels == 0


def letter_names(word: str, language: str) -> str:
    """A word letter by letter.

    Examples
    --------
    >>> letter_names("CPU", "ru")
    'си пи ю'
    """
    names = LATIN_NAMES.get(language, LATIN_NAMES["ru"]) | CYRILLIC_NAMES
    return " ".join(names[letter] for letter in word.lower() if letter in names)


def latin_in_cyrillic(word: str, language: str) -> str:
    """A Latin word in Cyrillic letters, as it sounds rather than as it is written.

    Examples
    --------
    >>> latin_in_cyrillic("Python", "ru"), latin_in_cyrillic("USB", "ru"), latin_in_cyrillic("Berlin", "ru")
    ('пайтон', 'ю эс би', 'берлин')
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))
    plain = plain.replace("ß", "ss").replace("ł", "l").replace("ø", "o").replace("æ", "e").replace("đ", "d")
    low = plain.lower()
    if low in KNOWN:
        return KNOWN[low].translate(_LATIN_LANGUAGE_FIX.get(language, {}))
    if is_acronym(plain):
        return letter_names(plain, language)
    inner = re.fullmatch(r"([A-Z][a-z]+|[a-z]+)([A-Z][A-Za-z]+)", plain)
    if inner:  # YouTube, iPhone
        return " ".join(latin_in_cyrillic(part, language) for part in inner.groups())
    return _by_rules(low).translate(_LATIN_LANGUAGE_FIX.get(language, {}))


def _by_rules(low: str) -> str:
    low = re.sub(r"(?<=[bcdfghklmnprstvz])e$", "", low) if len(low) > 3 else low
    said, place = "", 0
    while place < len(low):
        for letters, sound in _LATIN_RULES:
            if low.startswith(letters, place):
                said, place = said + sound, place + len(letters)
                break
        else:
            letter, following = low[place], low[place + 1:place + 2]
            if letter == "c" and following in tuple("eiy"):
                said += "с"
            elif letter == "e" and place == 0:
                said += "э"
            elif letter == "y" and place == 0:
                said += "й"
            elif letter == "h" and place == len(low) - 1:
                said += ""
            else:
                said += _LATIN_LETTERS.get(letter, letter if letter in "'-" else "")
            place += 1
    return said


def cyrillic_in_latin(word: str) -> str:
    """A Cyrillic word in Latin letters.

    Examples
    --------
    >>> cyrillic_in_latin("Москва")
    'moskva'
    """
    said = "".join(_TO_LATIN.get(letter, letter) for letter in word.lower())
    return said.replace("-", "") if "-" not in word else said
