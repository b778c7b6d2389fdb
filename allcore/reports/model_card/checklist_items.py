"""An item of a reporting checklist and how it is answered."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One item of a checklist.

    Attributes:
        number: as the checklist counts.
        topic: what it asks for, in short.
        where: title of the chapter that answers it; empty where none can.
        needs: facts that must be there, see `facts`.
        gap: what is missing although it is reported; empty where nothing is.
        why: why it is not reported where a fact is missing.
        applies: whether it asks something of a model like this.
    """

    number: str
    topic: str
    where: str = ""
    needs: tuple[str, ...] = ()
    gap: str = ""
    why: str = ""
    applies: bool = True

    def answer(self, found: frozenset[str]) -> str:
        """The state of the item and where it is answered, or why it isn't."""
        if self.where and found.issuperset(self.needs):
            state = f"In part ({self.gap})" if self.gap else "Reported"
            return f"{state}: {self.where}"
        return f"{'Not reported' if self.applies else 'Not applicable'}: {self.why}"
