"""What the clips of `caption_clips` say: sentences in several languages, and text that is no caption.

Belongs here: words alone, apart for development and for the test. Does not: how they look.
"""

# ruff: noqa: RUF001 - letters of other scripts are meant.

from __future__ import annotations

SENTENCES = {
    "development": {
        "en": (
            "Where did you leave the keys this morning?",
            "I thought you had them,",
            "so I never looked for them.",
            "Well, somebody has to open the door.",
            "Let's ask the neighbours first.",
            "They are never at home on Sundays.",
            "Then we wait right here.",
            "It can't take that long, can it?",
        ),
        "de": (
            "Wo hast du heute früh die Schlüssel hingelegt?",
            "Ich dachte, du hättest sie.",
            "Dann müssen wir eben draußen warten,",
            "bis jemand die Tür öffnet.",
            "Das kann doch nicht so lange dauern.",
            "Größere Sorgen haben wir nicht?",
        ),
        "fr": (
            "Où as-tu laissé les clés ce matin ?",
            "Je croyais que tu les avais,",
            "alors je ne les ai pas cherchées.",
            "Ça ne va pas être long, j'espère.",
            "Demandons d'abord aux voisins.",
            "Ils sont rarement là le dimanche.",
        ),
        "pl": (
            "Gdzie rano zostawiłeś klucze?",
            "Myślałam, że ty je masz.",
            "Więc nikt ich nie szukał,",
            "a drzwi są zamknięte.",
            "Zapytajmy najpierw sąsiadów.",
        ),
        "zh": ("今天早上你把钥匙放哪儿了？", "我以为在你那里。", "那我们就在这里等吧。", "应该不会等太久。"),
    },
    "test": {
        "en": (
            "The boat leaves at a quarter past six,",
            "and nobody will wait for us.",
            "You said we had the whole evening!",
            "That was before the storm warning.",
            "Fine, I'll carry the heavy bag.",
            "Did anyone think of the tickets?",
            "They should be in the blue folder.",
            "No, that one stayed on the train.",
        ),
        "es": (
            "El barco sale a las seis y cuarto,",
            "y nadie nos va a esperar.",
            "¡Dijiste que teníamos toda la tarde!",
            "Eso fue antes del aviso de tormenta.",
            "Está bien, yo llevo la maleta pesada.",
            "¿Alguien pensó en los billetes?",
        ),
        "it": (
            "Il traghetto parte alle sei e un quarto,",
            "e nessuno ci aspetterà.",
            "Avevi detto che c'era tempo, però!",
            "È stato prima dell'avviso di tempesta.",
            "Va bene, porto io la valigia più pesante.",
            "Qualcuno ha pensato ai biglietti?",
        ),
        "pt": (
            "O barco parte às seis e um quarto,",
            "e ninguém vai esperar por nós.",
            "Você disse que não havia pressa!",
            "Isso foi antes do aviso de tempestade.",
            "Está bem, eu levo a mala mais pesada.",
        ),
        "sv": (
            "Båten går en kvart över sex,",
            "och ingen kommer att vänta på oss.",
            "Du sa att vi hade hela kvällen på oss!",
            "Det var före stormvarningen.",
            "Nåväl, jag bär den tunga väskan.",
        ),
        "cs": (
            "Loď odplouvá ve čtvrt na sedm",
            "a nikdo na nás nebude čekat.",
            "Říkal jsi, že máme celý večer!",
            "To bylo před výstrahou před bouří.",
            "Dobře, ponesu ten těžký kufr.",
        ),
        "tr": (
            "Gemi altıyı çeyrek geçe kalkıyor",
            "ve kimse bizi beklemeyecek.",
            "Bütün akşam bizim demiştin!",
            "O fırtına uyarısından önceydi.",
            "Peki, ağır çantayı ben taşırım.",
        ),
    },
}
"""By set and language. The last sentence is followed by the first where a clip is longer."""

UNREADABLE = {
    "development": {
        "ru": ("Где ты оставил ключи утром?", "Я думала, они у тебя.", "Тогда подождём здесь.", "Это ненадолго."),
        "ko": (
            "오늘 아침에 열쇠를 어디에 뒀어요?",
            "당신이 가진 줄 알았어요.",
            "그럼 여기서 기다려요.",
            "오래 걸리지 않아요.",
        ),
    },
    "test": {
        "uk": (
            "Корабель відпливає о шостій,",
            "і ніхто нас не чекатиме.",
            "Ти казав, що маємо час!",
            "Це було до бурі.",
        ),
        "el": (
            "Το πλοίο φεύγει στις έξι",
            "και κανείς δεν θα μας περιμένει.",
            "Είπες πως έχουμε καιρό!",
            "Πριν την καταιγίδα.",
        ),
        "ar": ("تغادر السفينة في السادسة", "ولن ينتظرنا أحد.", "قلت إن لدينا المساء كله!", "كان ذلك قبل العاصفة."),
        "hi": ("जहाज़ छह बजे निकलता है", "और कोई हमारा इंतज़ार नहीं करेगा।", "तुमने कहा था समय है!", "वह तूफ़ान से पहले था।"),
    },
}
"""Captions in scripts that are not read: the only right answer is "undetermined"."""

CREDITS = {
    "development": (
        "Directed by|Jonas Albrecht",
        "Written by|Mia Castellano",
        "Music by|Oskar Lindqvist",
        "Edited by|Tara Novak",
        "Produced by|Hugo Baptiste",
    ),
    "test": (
        "Director of Photography|Elena Markova",
        "Production Designer|Samuel Okafor",
        "Costume Designer|Ingrid Solberg",
        "Casting|Peter Vandermeer",
        "Executive Producer|Lucia Ferrante",
        "Sound Mixer|Daniel Whitaker",
    ),
}
"""A job and a name, in two lines."""

TITLES = {
    "development": ("THIS SUMMER", "ONE HERO", "WILL RISE", "COMING SOON"),
    "test": ("FROM THE MAKERS OF", "THE LAST HARBOUR", "A STORM IS COMING", "IN CINEMAS MAY 12"),
}

SLIDES = {
    "development": (
        ("Quarterly results", "Revenue grew by eight percent", "Costs stayed flat", "Two new markets opened"),
        ("What comes next", "Hire a support team", "Move the archive", "Measure again in June"),
    ),
    "test": (
        ("How bread rises", "Yeast eats the sugar in the flour", "Gas is trapped by the gluten", "Heat sets the crumb"),
        ("Four mistakes", "Water that is too hot", "Too little salt", "An oven that is too cold"),
        ("Try it yourself", "Mix on the evening before", "Fold it every half hour", "Bake until it sounds hollow"),
    ),
}

TICKER = {
    "development": "Markets close higher after a calm week  +++  Rain in the north  +++  Bridge to reopen on Monday",
    "test": "Ferry service suspended until further notice  +++  Museum extends its hours  +++  Record harvest",
}
