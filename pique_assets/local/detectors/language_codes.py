"""Codes of languages: those that can be told by ear, and their names.

Belongs here: the table of the languages that the speech model knows, and what an option may say for one of them. Does
not: hearing (`spoken_language`), verdicts (`language`).
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator

_TABLE: Final = """
af Afrikaans, am Amharic, ar Arabic, as Assamese, az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian,
bn Bengali, bo Tibetan, br Breton, bs Bosnian, ca Catalan, cs Czech, cy Welsh, da Danish, de German, el Greek,
en English, es Spanish, et Estonian, eu Basque, fa Persian, fi Finnish, fo Faroese, fr French, gl Galician,
gu Gujarati, ha Hausa, haw Hawaiian, he Hebrew, hi Hindi, hr Croatian, ht Haitian Creole, hu Hungarian,
hy Armenian, id Indonesian, is Icelandic, it Italian, ja Japanese, jv Javanese, ka Georgian, kk Kazakh, km Khmer,
kn Kannada, ko Korean, la Latin, lb Luxembourgish, ln Lingala, lo Lao, lt Lithuanian, lv Latvian, mg Malagasy,
mi Maori, mk Macedonian, ml Malayalam, mn Mongolian, mr Marathi, ms Malay, mt Maltese, my Burmese, ne Nepali,
nl Dutch, nn Norwegian Nynorsk, no Norwegian, oc Occitan, pa Punjabi, pl Polish, ps Pashto, pt Portuguese,
ro Romanian, ru Russian, sa Sanskrit, sd Sindhi, si Sinhala, sk Slovak, sl Slovenian, sn Shona, so Somali,
sq Albanian, sr Serbian, su Sundanese, sv Swedish, sw Swahili, ta Tamil, te Telugu, tg Tajik, th Thai, tk Turkmen,
tl Tagalog, tr Turkish, tt Tatar, uk Ukrainian, ur Urdu, uz Uzbek, vi Vietnamese, yi Yiddish, yo Yoruba,
zh Chinese
"""

NAMES: Final = dict(entry.strip().split(" ", 1) for entry in _TABLE.split(","))
"""By ISO 639-1 code; Hawaiian has none, so its code is that of ISO 639-2."""

_OTHER_CODES: Final = {"nb": "no", "iw": "he", "in": "id", "jw": "jv", "ji": "yi", "mo": "ro", "fil": "tl"}
"""Codes of the same languages that are older, or that mean one form of them."""


def language_code(text: str) -> str:
    """The code of a language as `NAMES` has it: lower case, without a region ("en-US" is "en").

    Raises:
        ValueError: No language has that code, or none that can be told by ear here.
    """
    first = text.strip().replace("_", "-").split("-")[0].lower()
    code = _OTHER_CODES.get(first, first)
    if code not in NAMES:
        raise ValueError(f"{text!r} is not the ISO 639-1 code of a language that can be told here, such as 'en'")
    return code


LanguageCode = Annotated[str, AfterValidator(language_code)]
"""A language as a detector's option."""
