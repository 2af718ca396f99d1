"""What does the person in front of the demo see? Each chapter while it runs, and what came of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Told:
    """One finished chapter."""

    title: str
    outcome: str
    seconds: float


@dataclass(kw_only=True)
class Display:
    """Chapters on a console: a spinner on a terminal, plain lines elsewhere."""

    console: Console
    chapters: list[Told] = field(default_factory=list[Told])

    def tell(self, title: str, chapter: Callable[[Callable[[str], None]], str]) -> None:
        """Run `chapter`, which may report what it does now and returns its outcome."""
        started = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(title) as status:
                outcome = chapter(lambda message: status.update(f"{title} [dim]· {message}[/dim]"))
        else:
            self.console.print(f"… {title}", highlight=False)
            outcome = chapter(lambda message: self.console.print(f"    {message}", highlight=False, style="dim"))
        seconds = time.monotonic() - started
        self.chapters.append(Told(title=title, outcome=outcome, seconds=seconds))
        self.console.print(
            f"[green]✓[/green] [bold]{title}[/bold] [dim]{seconds:.1f} s[/dim]\n  {outcome}", highlight=False
        )

    def total(self) -> float:
        """Seconds of all chapters so far."""
        return sum(chapter.seconds for chapter in self.chapters)

    def summary(self, rows: list[tuple[str, str, str, str]]) -> None:
        """The table of environments: name, stable release, candidate, the newest decision."""
        table = Table(title=f"{len(self.chapters)} chapters in {self.total():.0f} s", title_justify="left")
        for heading in ("environment", "stable", "candidate", "newest decision"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    def leave(self, *commands: str) -> None:
        """What keeps running, and the commands to look at it, each on a line that can be copied whole."""
        self.console.print("Everything is left running:")
        for command in commands:
            self.console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)
        self.console.print("  make clean   takes it all away")
