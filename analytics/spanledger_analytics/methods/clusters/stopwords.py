"""Words that say nothing about a topic, in English, German, French, Spanish, Italian, Portuguese and Dutch."""

from __future__ import annotations

from typing import Final

_ENGLISH: Final = (
    "a about after all also am an and any are as at be because been but by can could did do does doing don down "
    "each for from further get give go going got had has have having he her here him his how i if in into is it its "
    "itself just know let like ll m make may me might more most much must my need no nor not now of off on once "
    "only or other our out over own please re s same shall she should so some such t tell than that the their them "
    "then there these they this those through to too under until up us ve very want was we were what when where "
    "which while who whom why will with would you your yours im whats id id'd isn aren wasn couldn would've "
    "something anything thing things way one"
)
_GERMAN: Final = (
    "aber alle als also am an auch auf aus bei bin bis bitte da damit dann das dass dem den der des die dies diese "
    "dieser dir du ein eine einem einen einer eines er es etwas für gibt hab habe haben hat hier ich ihr ihre im in "
    "ist ja kann kein keine können mal man mein meine meinem meinen meiner mich mir mit möchte nach nicht noch nur "
    "oder ohne sehr sein sich sie sind so über um und uns unter vom von vor war warum was welche wenn wer werden "
    "wie wieder will wir wird wo zu zum zur"
)
_FRENCH: Final = (
    "ai à au aux avec avez c ce ces cet cette comment d dans de des du elle en es est et être eu faire fait il ils "
    "j je l la le les leur lui ma mais me mes moi mon n ne nos notre nous on ou où par pas peut peux plus pour "
    "pourquoi qu que quel quelle quelles quels qui s sa sans se ses son sont sur ta te tes toi ton tu un une vos "
    "votre vous y"
)
_SPANISH: Final = (
    "a al algo como cómo con cual cuál cuando cuándo de del donde dónde el él ella en eres es esta está este esto "
    "estoy ha hacer hay he la las le les lo los me mi mis más muy no nos o para pero por porque puede puedo que qué "
    "quien quiero se ser si sí sin sobre son soy su sus también te tengo tiene tu un una uno unos y ya yo"
)
# Italian, Portuguese, Dutch.
_OTHERS: Final = (
    "ai al alla anche che chi ci come con cosa da dei del della delle di dove e è ed gli ho i il io la le lo ma mi "
    "mio nel non o per perché più posso puoi qual quale quando questo se sei si sono su sul tu un una uno vorrei ao "
    "as com como da das de do dos e é ela ele em entre essa esse esta está este eu foi isso já mais mas me meu "
    "minha muito na não no nos o onde os ou para pela pelo por porque posso qual quando que quem se sem ser seu sua "
    "são também tem tenho um uma você aan als bij dan dat de deze die dit een en er heb hebben heeft het hij hoe ik "
    "in is je kan kun maar me met mij mijn naar niet nog of om ook op over te tot u uit van voor waar wat we wel "
    "welke wil worden wordt zijn zo"
)

STOP_WORDS: Final = frozenset(f"{_ENGLISH} {_GERMAN} {_FRENCH} {_SPANISH} {_OTHERS}".split())
