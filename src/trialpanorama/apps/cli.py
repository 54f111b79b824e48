"""The command line: `trialpanorama COMMAND`. Nothing heavy is imported before a command needs it.

Results go to standard output (`--json`: one document), progress and messages to standard error. Exit codes: 0 done,
1 our fault, 2 the user's input, 130 interrupted.
"""

from __future__ import annotations

import gc
import shlex
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from trialpanorama.apps import designing, experimenting, forecasting, mcp, training
from trialpanorama.apps.console import Reporter, put, put_json, refusal, say, table
from trialpanorama.errors import TrialPanoramaError, UnknownName

if TYPE_CHECKING:
    from trialpanorama.warehouse import Warehouse

START, DATA, DESIGN, MODELS, HELP = "Start here", "Registry data", "Trial design", "Tasks and models", "About"

_AS_MET = """
demo sample serve mcp
sources fetch build index atlas problems show search changes explain neighbours graph overdue query export vocabularies
extract designs power predict tasks evaluate compare report rescore sanity outcome train experiment dictionary doctor
""".split()  # noqa: SIM905


class _Commands(TyperGroup):
    """All commands, in the order in which a newcomer meets them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=_AS_MET.index)


app = typer.Typer(
    name="trialpanorama",
    cls=_Commands,
    help="Clinical-trial registries as one linked database, and models measured on it.",
    no_args_is_help=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
tasks_app = typer.Typer(help="The research questions: list them, or build their samples from a warehouse.")
app.add_typer(tasks_app, name="tasks", rich_help_panel=MODELS)
vocabularies_app = typer.Typer(
    help="The terminologies that words are linked with: list them, add releases, fetch, remove."
)
app.add_typer(vocabularies_app, name="vocabularies", rich_help_panel=DATA)
graph_app = typer.Typer(help="The graph of trials, papers, drugs, conditions ...: what is next to what, ways, exports.")
app.add_typer(graph_app, name="graph", rich_help_panel=DATA)


class _PowerCommands(TyperGroup):
    """The commands of `power`, which are made of its calculations when they are first looked at."""

    @property
    def commands(self) -> MutableMapping[str, Any]:
        from trialpanorama.apps.sizing import commands

        return commands()

    @commands.setter
    def commands(self, _: Any) -> None:
        pass


app.add_typer(
    typer.Typer(
        cls=_PowerCommands,
        help="Size a trial: how many participants or events, what power, which effect can be detected.",
    ),
    name="power",
    rich_help_panel=DESIGN,
)

app.add_typer(forecasting.outcome_app, name="outcome", rich_help_panel=MODELS)
app.add_typer(training.training_app, name="train", rich_help_panel=MODELS)

WarehouseOption = Annotated[
    Path | None,
    typer.Option(
        "--warehouse", "-w", metavar="DIR", help="The warehouse; else $TRIALPANORAMA_WAREHOUSE, else ./warehouse."
    ),
]
VocabulariesOption = Annotated[
    Path | None,
    typer.Option(
        "--vocabularies",
        metavar="DIR",
        help="Installed terminologies; else $TRIALPANORAMA_VOCABULARIES, else the folder of the user's data.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
LogsOption = Annotated[
    Path | None, typer.Option("--logs", metavar="DIR", help="The runs' logs; else $INSPECT_LOG_DIR, else ./logs.")
]


def _open(path: Path | None) -> Warehouse:
    from trialpanorama.warehouse import Warehouse

    return Warehouse.open(path)


def _complete_sources(incomplete: str) -> list[str]:
    from trialpanorama.sources import sources

    return [name for name in sources() if name.startswith(incomplete)]


def _complete_fetched(incomplete: str) -> list[str]:
    from trialpanorama.sources import sources

    return [name for name, source in sources().items() if source.fetch and name.startswith(incomplete)]


def _complete_tables(incomplete: str) -> list[str]:
    from trialpanorama.apps.pages import dictionary

    return [name for name in dictionary() if name.startswith(incomplete)]


def _complete_tasks(incomplete: str) -> list[str]:
    from trialpanorama.tasks import tasks, variants

    return [name for name in (*tasks(), *variants()) if name.startswith(incomplete)]


def _complete_models(incomplete: str) -> list[str]:
    from trialpanorama.baselines import baselines

    return [f"baseline/{name}" for name in baselines() if f"baseline/{name}".startswith(incomplete)]


def _complete_formats(incomplete: str) -> list[str]:
    return [name for name in ("parquet", "csv", "sqlite", "hf") if name.startswith(incomplete)]


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error (anywhere on the line).")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Clinical-trial registries as one linked database, and models measured on it."""


# --- start here


@app.command(rich_help_panel=START)
def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to work.")] = Path("demo"),
    trials: Annotated[int, typer.Option(metavar="N", min=200, help="How many fictional trials.")] = 1_500,
    seed: Annotated[int, typer.Option(metavar="S", help="Seed of the fictional trials.")] = 7,
) -> None:
    """Go the whole way on fictional trials: registry files, warehouse, tasks, baselines, results, report."""
    from trialpanorama.apps.demo import run_demo

    run_demo(directory, trials=trials, seed=seed)


@app.command(rich_help_panel=START)
def sample(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    trials: Annotated[int, typer.Option(metavar="N", min=1, help="How many fictional trials.")] = 600,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed writes the same files.")] = 7,
) -> None:
    """Write fictional trials in the registries' own formats, with truth.json beside them."""
    from trialpanorama.apps.demo import write_sample

    folders = write_sample(directory, trials=trials, seed=seed)
    say(f"Next: trialpanorama build {shlex.join(map(str, folders))}")


# --- registry data


@app.command(rich_help_panel=DATA)
def sources(
    name: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="One source.", autocompletion=_complete_sources)
    ] = None,
    json: JsonOption = False,
) -> None:
    """List what can be read: registries, portals, literature; how to get their files, and under which terms."""
    from trialpanorama.apps.pages import source_facts
    from trialpanorama.sources import source
    from trialpanorama.sources import sources as every_source

    if name is not None:
        facts = source_facts(source(name))
        if json:
            put_json(facts)
            return
        put(f"{facts['title']} ({facts['name']})")
        for label in ("home_page", "licence", "obtain"):
            put(f"  {label.replace('_', ' '):<10} {facts[label]}")
        put(f"  {'passed on':<10} {'by export' if facts['is_open'] else 'only with export --include-restricted'}")
        put(f"  {'registers':<10} {', '.join(facts['registers'])}")
        if (fetched := facts["fetch"]) is None:
            put(f"  {'fetch':<10} no: {facts['no_fetch']}")
        else:
            put(f"  {'fetch':<10} trialpanorama fetch {facts['name']} --out DIR")
            put(f"  {'':<10} {fetched['queries']}")
            put(f"  {'terms':<10} {fetched['terms']} At most {fetched['requests_per_minute']:g} requests a minute.")
        put("")
        put(table(["format", "meaning"], [[f["name"], f["meaning"]] for f in facts["formats"]], widest=200))
        return
    listed = [source_facts(known) for known in every_source().values()]
    if json:
        put_json(listed)
        return
    rows = [[f["name"], f["title"], len(f["formats"]), bool(f["fetch"]), f["is_open"], f["licence"]] for f in listed]
    put(table(["source", "title", "formats", "fetched", "open", "licence"], rows))


@app.command(rich_help_panel=DATA)
def fetch(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="See: sources.", autocompletion=_complete_fetched)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder, or one to go on with.")],
    query: Annotated[
        str,
        typer.Option(
            metavar="Q",
            help="In the register's own query language, or the address of a search on its page; else everything.",
        ),
    ] = "",
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what was added or changed since then: 2026-01-31.")
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask this address instead of the register's host.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Fetch files from a register's own interface; a fetch that was stopped goes on where it was."""
    from trialpanorama.apps.fetching import fetch_facts, fetch_files, put_summary, say_next

    facts = fetch_facts(fetch_files(source, out, query=query, since=since, mirror=mirror), out)
    put_json(facts) if json else put_summary(facts)
    say_next(facts)


@app.command(rich_help_panel=DATA)
def build(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Files, archives and folders, mixed as you like.")
    ],
    warehouse: WarehouseOption = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes that read; all cores if not given.")
    ] = None,
    keep_contacts: Annotated[
        bool, typer.Option("--keep-contacts", help="Keep investigators' e-mail and telephone.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Start anew, instead of adding to what the warehouse has.")
    ] = False,
    spark: Annotated[
        str | None,
        typer.Option("--spark", metavar="MASTER", help="Read on a Spark cluster: spark://host:port, yarn, local[2]."),
    ] = None,
    vocabularies: VocabulariesOption = None,
    overrides: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Merges to make and to undo, one a line: ID = ID, or ID != ID. Kept until another is given.",
        ),
    ] = None,
    with_index: Annotated[
        bool, typer.Option("--index", help="Also make the search index (see: index), else the first search does.")
    ] = False,
) -> None:
    """Read registry files into a warehouse, beside what it has; a build that was stopped goes on where it was."""
    from trialpanorama.apps.demo import build_warehouse
    from trialpanorama.warehouse import find_warehouse

    folder = find_warehouse(warehouse)
    manifest = build_warehouse(
        inputs,
        folder,
        workers=workers,
        keep_contacts=keep_contacts,
        replace=replace,
        spark_master=spark,
        vocabularies=vocabularies,
        overrides=overrides,
    )
    put(
        f"{manifest.inputs:,} inputs = {manifest.records:,} records + {manifest.rejects:,} rejects; "
        f"{manifest.trials:,} trials; snapshot {manifest.snapshot}"
    )
    if with_index:
        from trialpanorama.apps.indexing import index_text, make_index

        put(index_text(make_index(_open(folder))))
    say(f"Next: trialpanorama {'atlas' if manifest.records else 'problems'} --warehouse {shlex.quote(str(folder))}")


@app.command(rich_help_panel=DATA)
def index(
    embed: Annotated[
        bool,
        typer.Option(
            "--embed", help="Also what embedded and hybrid rank by: every text by a sentence encoder (the extra embed)."
        ),
    ] = False,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|NAME",
            help="The encoder of --embed: a folder, or a name on the model hub; else the one installed.",
        ),
    ] = None,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Make the search index of a warehouse, or bring it up to date by what changed, so that no search has to wait."""
    from trialpanorama.apps.indexing import index_text, make_index

    facts = make_index(_open(warehouse), embed=embed, encoder=encoder)
    put_json(facts) if json else put(index_text(facts))


@app.command(rich_help_panel=DATA)
def atlas(warehouse: WarehouseOption = None, json: JsonOption = False) -> None:
    """Say what a warehouse holds: inputs, records, rejects, trials, registers, how fresh they are."""
    from trialpanorama.apps.show import atlas_facts, atlas_text

    facts = atlas_facts(_open(warehouse))
    put_json(facts) if json else put(atlas_text(facts))


@app.command(rich_help_panel=DATA)
def problems(
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="Of one source.", autocompletion=_complete_sources)
    ] = None,
    warehouse: WarehouseOption = None,
    places: Annotated[int, typer.Option(metavar="N", min=0, help="How many places to name for each kind.")] = 3,
    json: JsonOption = False,
) -> None:
    """List what could not be read (rejects), and values that were kept as text (notes), with their places."""
    from trialpanorama.apps.show import problems_facts, problems_text

    facts = problems_facts(_open(warehouse), source, places=places)
    put_json(facts) if json else put(problems_text(facts))


@app.command(rich_help_panel=DATA)
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="A registry number, a PMID, a trial id or a record id.")],
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Show one trial: the merged values, what each register says, and why its records are held for the same study."""
    from trialpanorama.apps.show import show_facts, show_text

    facts = show_facts(_open(warehouse), id)
    put_json(facts) if json else put(show_text(facts))


@app.command(rich_help_panel=DATA)
def explain(
    a: Annotated[str, typer.Argument(metavar="A", help="A registry number or record id.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Say why two registrations are held for one trial, or are not: every link, with its evidence."""
    from trialpanorama.apps.explaining import explain_command

    explain_command(_open(warehouse), a, b, json=json)


@app.command(rich_help_panel=DATA)
def overdue(
    months: Annotated[int, typer.Option(metavar="N", min=0, help="After so many months results are due.")] = 12,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="On this day; else the newest date in the warehouse.")
    ] = None,
    lacking: Annotated[
        Literal["both", "results", "paper"],
        typer.Option(metavar="WHAT", help="What they lack: both, posted results, or a paper of results (unpublished)."),
    ] = "both",
    limit: Annotated[int, typer.Option("--limit", "-k", metavar="N", min=1, help="List so many.")] = 50,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """List trials that ended long ago without posted results or a paper of results that is known here."""
    from trialpanorama.apps.graph import overdue_facts, overdue_text

    facts = overdue_facts(_open(warehouse), months=months, limit=limit, until=until, lacking=lacking)
    put_json(facts) if json else put(overdue_text(facts))


@app.command(rich_help_panel=DATA)
def neighbours(
    id: Annotated[str, typer.Argument(metavar="ID", help="A trial, paper, concept (MESH:D003924), sponsor ...")],
    type: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="Only nodes of this type; may be given several times.")
    ] = None,
    relation: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only along this relation; may be given several times.")
    ] = None,
    share: Annotated[
        Literal["drug", "condition", "review", "sponsor", "biomarker", "country"] | None,
        typer.Option(
            metavar="TYPE", help="Instead the trials that have a drug, condition, review ... in common with it."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-k", metavar="N", min=1, help="List so many.")] = 50,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Show what stands next to a trial, paper, drug, condition ... in the graph, and on what evidence."""
    from trialpanorama.apps.graph import neighbours_facts, neighbours_text

    facts = neighbours_facts(_open(warehouse), id, types=type, relations=relation, share=share, limit=limit)
    put_json(facts) if json else put(neighbours_text(facts))


@graph_app.command("paths")
def graph_paths(
    a: Annotated[str, typer.Argument(metavar="A", help="A node: a trial, paper, concept ...")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    max_length: Annotated[int, typer.Option("--max-length", metavar="N", min=1, max=6, help="Edges at most.")] = 4,
    limit: Annotated[int, typer.Option("--limit", "-k", metavar="N", min=1, help="List so many.")] = 10,
    relation: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only along this relation; may be given several times.")
    ] = None,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Find the shortest ways from one node of the graph to another, the most telling first."""
    from trialpanorama.apps.graph import paths_facts, paths_text

    facts = paths_facts(_open(warehouse), a, b, max_length=max_length, limit=limit, relations=relation)
    put_json(facts) if json else put(paths_text(facts))


@graph_app.command("export")
def graph_export(
    format: Annotated[Literal["parquet", "graphml", "kgx", "neo4j"], typer.Argument(help="What is written.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    include_restricted: Annotated[
        bool, typer.Option("--include-restricted", help="Also what the sources' terms do not let be passed on.")
    ] = False,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Write the graph as Parquet, GraphML, KGX (Biolink Model) or CSV for Neo4j."""
    from trialpanorama.apps.graph import export_facts, export_text

    facts = export_facts(_open(warehouse), format, out, include_restricted=include_restricted)
    put_json(facts) if json else put(export_text(facts))


# --- terminologies


def _store(path: Path | None) -> Path:
    from trialpanorama.ontologies import default_store

    return path or default_store()


@vocabularies_app.command("list")
def list_vocabularies(
    name: Annotated[str | None, typer.Argument(help="One of them, with its files and how to get it.")] = None,
    vocabularies: VocabulariesOption = None,
    json: JsonOption = False,
) -> None:
    """List the terminologies that can be read, and what is in use of each."""
    from trialpanorama.apps.vocabularies import put_vocabularies, put_vocabulary, vocabulary_facts
    from trialpanorama.ontologies import vocabulary

    store = _store(vocabularies)
    facts = vocabulary_facts(store)
    if name is not None:
        (one,) = (fact for fact in facts if fact["name"] == vocabulary(name).name)
        put_json(one) if json else put_vocabulary(one)
        return
    put_json(facts) if json else put_vocabularies(facts, store)


@vocabularies_app.command("add")
def add_vocabulary(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files of releases, or folders of them.")],
    version: Annotated[str | None, typer.Option(metavar="V", help="The release, where its files do not say.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Take a release that is much smaller than the last.")] = False,
    vocabularies: VocabulariesOption = None,
    json: JsonOption = False,
) -> None:
    """Install releases of terminologies from files that you have; the next build links with them."""
    from trialpanorama.apps.vocabularies import add_vocabularies, put_installed

    facts = add_vocabularies(paths, _store(vocabularies), version=version, force=force)
    put_json(facts) if json else put_installed(facts)


@vocabularies_app.command("fetch")
def fetch_a_vocabulary(
    name: Annotated[str, typer.Argument(metavar="NAME", help="See: vocabularies list.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the files here.")] = None,
    query: Annotated[str, typer.Option(metavar="Q", help="Which release, where there are several.")] = "",
    mirror: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask this address instead of the publisher's host.")
    ] = None,
    vocabularies: VocabulariesOption = None,
    json: JsonOption = False,
) -> None:
    """Fetch the release of a terminology from its publisher and install it."""
    from trialpanorama.apps.vocabularies import fetch_vocabulary, put_installed

    facts = fetch_vocabulary(name, _store(vocabularies), out=out, query=query, mirror=mirror)
    put_json(facts) if json else put_installed(facts)


@vocabularies_app.command("remove")
def remove_a_vocabulary(
    name: Annotated[str, typer.Argument(metavar="NAME", help="See: vocabularies list.")],
    vocabularies: VocabulariesOption = None,
) -> None:
    """Remove an installed terminology."""
    from trialpanorama.apps.vocabularies import remove_vocabulary

    say(remove_vocabulary(name, _store(vocabularies)))


@app.command(rich_help_panel=DATA)
def extract(
    model: Annotated[str, typer.Option(metavar="PROVIDER/NAME", help="One of Inspect's model names.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="condition, drug or biomarker; may be given several times. Else all."),
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option(metavar="FIELD", help="Only texts of this field; may be given several times.")
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Read so many distinct texts.")] = None,
    max_cost_tokens: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Spend no more tokens than this.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where it is written; else WAREHOUSE.extracted.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent, and where to.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to send the texts to another machine.")] = False,
    vocabularies: VocabulariesOption = None,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Have a language model mark conditions, drugs and biomarkers in the prose of the records."""
    from trialpanorama.apps.extracting import extract_facts, put_extraction
    from trialpanorama.link.llm import KINDS, PROSE

    facts = extract_facts(
        _open(warehouse),
        model,
        _store(vocabularies),
        kinds=kind or KINDS,
        fields=field or tuple(PROSE),
        limit=limit,
        max_tokens=max_cost_tokens,
        out=out,
        dry_run=dry_run,
        yes=yes,
    )
    put_json(facts) if json else put_extraction(facts)


@app.command(rich_help_panel=DATA)
def changes(
    since: Annotated[
        str, typer.Option(metavar="DATE", help="Of versions known on this day or later: 2025-04-01, 2025-04 or 2025.")
    ],
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Of versions known on this day or earlier; all if not given.")
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help='Only trials that have all these words, or "phrases", in titles, conditions, interventions, sponsors, '
            "keywords or ids; words are found from their beginning. A registry number finds its trial.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also changes that hardly matter to a reviewer or designer.")
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Show so many trials.")] = 50,
    atom: Annotated[Path | None, typer.Option(metavar="FILE", help="Write them as an Atom feed, too.")] = None,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """List what changed from one version of a record to the next, and what is new: a living review's watch."""
    from trialpanorama.apps.changes import changes_text, write_feed
    from trialpanorama.changes import changes as find_changes

    found = find_changes(_open(warehouse), since, until=until, query=query, limit=limit, everything=everything)
    put_json(found) if json else put(changes_text(found, everything=everything))
    if atom is not None:
        say(f"Feed: {atom} ({write_feed(found, atom):,} entries)")


@app.command(rich_help_panel=DATA)
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The search, or - to read it from standard input.")],
    syntax: Annotated[
        str, typer.Option(metavar="auto|pubmed|ovid|plain", help="Its language; plain ranks by any of the words.")
    ] = "auto",
    ranking: Annotated[
        str | None,
        typer.Option(
            metavar="bm25|dense|fused|embedded|hybrid",
            help="What plain words rank by: themselves, what texts are about, or both; by a sentence encoder (the "
            "extra embed), or all of these.",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|NAME",
            help="The encoder of embedded and hybrid: a folder, or a name on the model hub; else the one installed.",
        ),
    ] = None,
    patient: Annotated[
        bool,
        typer.Option("--patient", help="QUERY describes a patient: list trials that take their age and sex."),
    ] = False,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what was published or registered before this date.")
    ] = None,
    most: Annotated[int, typer.Option("-k", "--most", metavar="N", min=0, help="How many to list.")] = 20,
    kind: Annotated[str | None, typer.Option(metavar="paper|trial", help="Only papers, or only trials.")] = None,
    register: Annotated[str | None, typer.Option(metavar="NAME", help="Only trials of this register.")] = None,
    status: Annotated[str | None, typer.Option(metavar="NAME", help="Only trials of this status.")] = None,
    phase: Annotated[str | None, typer.Option(metavar="NAME", help="Only trials of this phase.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend slips (an open parenthesis, a doubled operator), and say which.")
    ] = False,
    parse_only: Annotated[bool, typer.Option("--parse-only", help="Only say how the query is read.")] = False,
    facets: Annotated[
        bool, typer.Option("--facets", help="Count what is found by kind, register, status, phase and year.")
    ] = False,
    highlight: Annotated[
        bool, typer.Option("--highlight", help="Mark the words of the query in titles and abstracts.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the search down for a paper (PRISMA-S), as Markdown.")
    ] = None,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Search papers and trials of a warehouse, in the query language of PubMed or Ovid, or with plain words."""
    from trialpanorama.apps.searching import (
        find,
        found_facts,
        found_text,
        patient_text,
        reading_facts,
        search_record,
        write_record,
    )
    from trialpanorama.errors import UserError
    from trialpanorama.search import parse
    from trialpanorama.search.index import Limits
    from trialpanorama.search.patients import read_patient
    from trialpanorama.search.ranked import BEST

    text = sys.stdin.read() if query == "-" else query
    if patient and (syntax not in ("auto", "plain") or kind == "paper"):
        raise UserError("A patient is described in plain words, and looks for trials: leave out --syntax and --kind.")
    read = parse(text, "plain" if patient else syntax, repairs=repair)
    if ranking and read.syntax != "plain":
        raise UserError("Only plain words are ranked in different ways. Write --syntax plain, or leave out --ranking.")
    if parse_only:
        facts = reading_facts(read)
        put_json(facts) if json else put(f"{facts['syntax']}: {facts['printed']}")
        if facts["translations"] and not json:
            put(f"looked for as: {facts['translated']}")
        for note in () if json else facts["notes"]:
            say(f"Note: {note}.")
        return
    named = {"kind": "trial" if patient else kind, "register": register, "status": status, "phase": phase}
    only = {name: value for name, value in named.items() if value is not None}
    limits = Limits(before, only, read_patient(text) if patient else None)
    opened = _open(warehouse)
    found = find(
        opened,
        read,
        limits,
        most=most,
        ranking=ranking or BEST,
        encoder=encoder,
        facets=facets,
        highlights=highlight,
    )
    put_json(found_facts(text, read, found, limits)) if json else put(found_text(found))
    if limits.patient and not json:
        say(f"Looked for trials that take a patient {patient_text(limits.patient)}.")
    for one in () if json else found.translations:
        say(f"{one.words} was taken for {one.meaning}.")
    for note in () if json else found.notes:
        say(f"Note: {note}.")
    if record:
        write_record(record, search_record(opened, text, read, found, limits))
        say(f"Written down in {record}")


@app.command(rich_help_panel=DATA)
def query(
    sql: Annotated[
        str,
        typer.Argument(
            metavar="SQL", help='A SELECT statement, such as "SELECT phase, count(*) FROM studies GROUP BY 1".'
        ),
    ],
    warehouse: WarehouseOption = None,
    format: Annotated[str, typer.Option("--format", metavar="table|csv|json", help="How to print the rows.")] = "table",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    seconds: Annotated[float, typer.Option(metavar="N", min=0.1, help="Stop after so many seconds.")] = 60,
    memory_mb: Annotated[
        int, typer.Option("--memory-mb", metavar="N", min=16, help="Use no more memory than this.")
    ] = 1024,
    rows: Annotated[int | None, typer.Option(metavar="N", min=1, help="Print no more rows than this.")] = None,
) -> None:
    """Ask the warehouse in SQL: read-only, with no access to other files or the network, time and memory bounded."""
    formats = ("table", "csv", "json")
    if format not in formats:
        raise UnknownName("output format", format, formats)
    from trialpanorama.apps.show import cells, csv_text, objects

    result = _open(warehouse).query(sql, seconds=seconds, memory_mb=memory_mb, max_rows=rows)
    if json or format == "json":
        put_json(objects(result))
    elif format == "csv":
        put(csv_text(result))
    else:
        put(table(result.column_names, cells(result)))
        say(f"({result.num_rows:,} rows)")


@app.command(rich_help_panel=DATA)
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="parquet|csv|sqlite|hf",
            help="hf: the eleven published tables.",
            autocompletion=_complete_formats,
        ),
    ] = "parquet",
    include_restricted: Annotated[
        bool,
        typer.Option("--include-restricted", help="Also rows of sources whose terms do not allow passing them on."),
    ] = False,
    warehouse: WarehouseOption = None,
) -> None:
    """Write the tables to files that others can use."""
    opened = _open(warehouse)
    with Reporter() as reporter:
        counts = opened.export(
            format,  # type: ignore[arg-type]  # checked there, with near misses
            directory,
            include_restricted=include_restricted,
            progress=lambda name, rows: reporter.update(name, rows, rows, "rows"),
        )
    put(table(["table", "rows"], list(counts.items())))
    if not include_restricted and (closed := [s.name for s in opened.manifest.sources if not s.is_open]):
        say(f"Left out, as their terms do not allow passing them on: {', '.join(closed)} (see --include-restricted).")


# --- tasks and models


@tasks_app.command("list")
def list_tasks(json: JsonOption = False) -> None:
    """List the tasks: what is asked, and how answers are scored."""
    from trialpanorama.apps.tasking import task_facts
    from trialpanorama.tasks import tasks, variants

    listed = [task_facts(known) for known in (*tasks().values(), *variants().values())]
    if json:
        put_json(listed)
        return
    rows = [
        [f["name"], f["version"], f["metrics"][0]["title"] + " " + f["metrics"][0]["arrow"], f["meaning"]]
        for f in listed
    ]
    put(table(["task", "version", "headline", "what is asked"], rows, widest=120))


@tasks_app.command("build")
def build_tasks(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TASK...", help="All if none.", autocompletion=_complete_tasks)
    ] = None,
    warehouse: WarehouseOption = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Else the folder tasks of the warehouse.")] = None,
    json: JsonOption = False,
) -> None:
    """Make the tasks' samples out of a warehouse, divided into train, validation and test."""
    from trialpanorama.apps.tasking import cards_text, contamination_text
    from trialpanorama.tasks import build, read_contamination, task

    chosen = [task(name).name for name in names] if names else None
    opened = _open(warehouse)
    folder = out or opened.path / "tasks"
    cards = build(opened, folder, chosen)
    found = read_contamination(folder)
    if json:
        put_json({**cards, "contamination": found})
    else:
        put(cards_text(cards))
        put(contamination_text(found, folder / "contamination.json"))


@tasks_app.command("show")
def show_task(
    name: Annotated[str, typer.Argument(metavar="TASK", help="See: tasks list.", autocompletion=_complete_tasks)],
    number: Annotated[int, typer.Option(metavar="N", min=1, help="How many samples.")] = 1,
    split: Annotated[str, typer.Option(metavar="test|validation|train", help="Of which split.")] = "test",
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Show samples of a task: the prompt as a model gets it, and the right reply."""
    from trialpanorama.apps.tasking import sample_facts, sample_text
    from trialpanorama.errors import UnknownName
    from trialpanorama.tasks import SPLITS, load, require, task

    chosen, opened = task(name), _open(warehouse)
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    samples = load(opened, chosen, split)
    require(samples, chosen, split, opened)
    shown = samples[:number]
    if json:
        put_json([sample_facts(chosen, sample) for sample in shown])
    else:
        put("\n\n".join(sample_text(chosen, sample) for sample in shown))


@tasks_app.command("word")
def word_task(
    name: Annotated[str, typer.Argument(metavar="TASK", help="See: tasks list.", autocompletion=_complete_tasks)],
    model: Annotated[str, typer.Option(metavar="PROVIDER/NAME", help="One of Inspect's model names.")],
    part: Annotated[
        str, typer.Option(metavar="question|distractors", help="What the model writes: the question, or wrong options.")
    ] = "question",
    split: Annotated[str, typer.Option(metavar="test|validation|train", help="Of which split.")] = "test",
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N samples.")] = None,
    max_cost_tokens: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Spend no more tokens than this.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where it is written; else WAREHOUSE.worded.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent, and where to.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to send the texts to another machine.")] = False,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Have a language model word the questions of a task, or write wrong options: checked, marked and kept apart."""
    from trialpanorama.apps.wording import put_wording, word_facts

    facts = word_facts(
        _open(warehouse),
        name,
        model,
        part=part,
        split=split,
        limit=limit,
        max_tokens=max_cost_tokens,
        out=out,
        dry_run=dry_run,
        yes=yes,
    )
    put_json(facts) if json else put_wording(facts)


ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="baseline/NAME, or one of Inspect's names such as openai/gpt-4o; may be given several times.",
        autocompletion=_complete_models,
    ),
]
MatrixOption = Annotated[
    Path | None,
    typer.Option("--models", metavar="FILE", help="Models with address, options, cut-off: YAML, TOML or JSON."),
]
BaseUrlOption = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="Where the models of --model are served.")
]


@tasks_app.command("export")
def export_tasks(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TASK...", help="All if none.", autocompletion=_complete_tasks)
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            "--format", "-f", metavar="FORMAT", help="parquet, published, llamafactory, verl, lm-eval: for whom."
        ),
    ] = "parquet",
    family: Annotated[
        str, typer.Option(metavar="code|documentation", help="Which of the published benchmark's folder names.")
    ] = "code",
    include_restricted: Annotated[
        bool,
        typer.Option("--include-restricted", help="Also samples of sources whose terms do not allow passing them on."),
    ] = False,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Write samples for other programs: training frameworks, harnesses, readers of the published benchmark."""
    from collections import Counter

    from trialpanorama.tasks._exports import export

    left_out: Counter[str] = Counter()
    written = export(
        _open(warehouse), out, format, names or None, family, include_restricted=include_restricted, left_out=left_out
    )
    if json:
        put_json(written)
    else:
        put(table(["file", "samples"], list(written.items())))
    if left_out:
        counted = ", ".join(f"{count:,} of {name}" for name, count in left_out.items())
        say(f"Left out, as their sources' terms do not allow passing them on: {counted} (see --include-restricted).")


@app.command(rich_help_panel=MODELS)
def evaluate(
    names: Annotated[
        list[str], typer.Argument(metavar="TASK...", help="See: tasks list.", autocompletion=_complete_tasks)
    ],
    model: ModelsOption = None,
    models: MatrixOption = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Ask only so many samples (a random part).")
    ] = None,
    split: Annotated[str, typer.Option(metavar="test|validation|train", help="Which samples to ask.")] = "test",
    after: Annotated[
        str | None, typer.Option(metavar="DATE|cutoff", help="Ask only samples dated later; cutoff: each model's own.")
    ] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="PATH", help="Read samples from label files or published JSONL instead."),
    ] = None,
    system_prompt: Annotated[
        str | None, typer.Option(metavar="TEXT|FILE", help="Said before each question; a file's name or the text.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="T", min=0, help="Of the sampling; 0 takes the likeliest words.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(metavar="N", min=1, help="Longest reply, in tokens.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="For providers that take one.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Any other of Inspect's generation options.")
    ] = None,
    base_url: BaseUrlOption = None,
    connections: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Requests in flight at once, for each model.")
    ] = None,
    timeout: Annotated[int | None, typer.Option(metavar="S", min=1, help="Seconds for each request [600].")] = None,
    retries: Annotated[int | None, typer.Option(metavar="N", min=0, help="Repetitions of a request [8].")] = None,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="US $ per million tokens, by model: YAML, TOML or JSON.")
    ] = None,
    structured: Annotated[
        bool, typer.Option("--structured/--no-structured", help="Give the reply's schema to providers that take one.")
    ] = True,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask everything anew; else a run that was ended is gone on with.")
    ] = False,
    logs: LogsOption = None,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Ask models, or baselines, the questions of tasks; writes one log a run and prints the figures.

    A run that was ended goes on where it was: the same command asks only for what has no reply. Keys are read from
    the environment and from a file .env.
    """
    from trialpanorama.apps import evaluating
    from trialpanorama.apps.show import results_text
    from trialpanorama.evaluate import Options
    from trialpanorama.evaluate import table as results_table

    results = evaluating.evaluate_models(
        names,
        evaluating.contestants(model or (), models, prices, base_url),
        warehouse if source else _open(warehouse).path,
        Options(
            split=split,  # type: ignore[arg-type]  # checked in there, with near misses
            limit=limit,
            after=after,
            paths=tuple(source or ()),
            system_prompt=evaluating.text_or_file(system_prompt),
            structured=structured,
            config=evaluating.generation_options(
                option or (), temperature=temperature, max_tokens=max_tokens, seed=seed, max_connections=connections,
                attempt_timeout=timeout, max_retries=retries,
            ),
            fresh=fresh,
        ),
        logs=logs,
    )  # fmt: skip
    rows = results_table(results)
    if json:
        put_json(rows)
    else:
        put(results_text(rows))
        if used := evaluating.usage_text(results):
            put("\n" + used)
    evaluating.say_outcomes(results)
    say(f"Next: trialpanorama report{f' --logs {shlex.quote(str(logs))}' if logs else ''}")


@app.command(rich_help_panel=MODELS)
def sanity(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TASK...", help="All if none.", autocompletion=_complete_tasks)
    ] = None,
    model: ModelsOption = None,
    models: MatrixOption = None,
    base_url: BaseUrlOption = None,
    samples: Annotated[int, typer.Option(metavar="N", min=1, help="How many samples of each task.")] = 3,
    warehouse: WarehouseOption = None,
    json: JsonOption = False,
) -> None:
    """Ask models a few samples of each task, to see that calls work; ends with code 1 if any call fails."""
    from trialpanorama.apps import evaluating

    chosen = evaluating.contestants(model or (), models, None, base_url)
    facts = evaluating.sanity_facts(names or (), chosen, _open(warehouse), samples)
    put_json(facts) if json else put(evaluating.sanity_text(facts))
    if failed := sum(one["failed"] for one in facts):
        say(f"{failed} of {sum(one['asked'] for one in facts)} calls failed.")
        raise typer.Exit(1)


@app.command(rich_help_panel=MODELS)
def compare(
    first: Annotated[str, typer.Argument(metavar="RUN", help="A log, or the model of a run.")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="The run that is taken off it.")],
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="Only this task.", autocompletion=_complete_tasks)
    ] = None,
    after: Annotated[str | None, typer.Option(metavar="DATE", help="Only samples dated later.")] = None,
    logs: LogsOption = None,
    json: JsonOption = False,
) -> None:
    """Compare two runs on the samples that both answered: paired differences with intervals, whole groups drawn."""
    from trialpanorama.apps.evaluating import differences_text, logs_folder
    from trialpanorama.evaluate import compare as paired
    from trialpanorama.evaluate import find_runs, looked_at

    pairs = find_runs((first, second), logs_folder(logs), task)
    found = [one for pair in pairs for one in paired(*looked_at(pair, after))]
    put_json(found) if json else put(differences_text(found))


@app.command(rich_help_panel=MODELS)
def rescore(
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Logs of runs.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Else LOG-rescored.eval beside each; for one log only.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Read and score the replies of logs anew, without asking any model; the logs themselves stay as they are."""
    from trialpanorama.apps.show import results_text
    from trialpanorama.errors import UserError
    from trialpanorama.evaluate import rescore as score_anew
    from trialpanorama.evaluate import table as results_table

    if out is not None and len(logs) > 1:
        raise UserError("--out is for one log. Without it, each is written beside the log it comes from.")
    results = [score_anew(log, out) for log in logs]
    rows = results_table(results)
    put_json(rows) if json else put(results_text(rows))
    for one in results:
        say(f"Written: {one.log}")


@app.command(rich_help_panel=MODELS)
def report(
    out: Annotated[
        Path, typer.Argument(metavar="FILE", help="What to write: .html, .md or .tex says what it will be.")
    ] = Path("report.html"),
    format: Annotated[str | None, typer.Option(metavar="html|md|tex", help="Else by the file's suffix.")] = None,
    after: Annotated[
        str | None, typer.Option(metavar="DATE|cutoff", help="Only samples dated later; cutoff: each model's own.")
    ] = None,
    logs: LogsOption = None,
    json: JsonOption = False,
) -> None:
    """Write a report about all runs: figures with intervals, differences, strata, plots, samples with their replies."""
    from trialpanorama.apps.evaluating import logs_folder
    from trialpanorama.apps.show import results_text
    from trialpanorama.evaluate import looked_at, read_logs
    from trialpanorama.evaluate import report as write_report
    from trialpanorama.evaluate import table as results_table

    folder = logs_folder(logs)
    rows = results_table(looked_at(read_logs(folder), after))
    path = write_report(folder, out, format=format, after=after)
    put_json({"report": str(path), "results": rows}) if json else put(results_text(rows, headline_only=True))
    say(f"Report: {path}")


# --- about


@app.command(rich_help_panel=HELP)
def dictionary(
    table_name: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="One table.", autocompletion=_complete_tables)
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say what every table and column means, with units and allowed values."""
    from trialpanorama.apps.pages import dictionary as every_table
    from trialpanorama.apps.pages import short_type

    tables = every_table()
    if table_name is None:
        if json:
            put_json(tables)
        else:
            rows = [[name, len(facts["columns"]), facts["meaning"]] for name, facts in tables.items()]
            put(table(["table", "columns", "one row is"], rows, widest=110))
        return
    if table_name not in tables:
        raise UnknownName("table", table_name, tables, "trialpanorama dictionary")
    facts = tables[table_name]
    if json:
        put_json(facts)
        return
    put(f"{table_name}: one row is {facts['meaning']}.\n")
    rows = [
        [c["name"], short_type(c["type"]), c["meaning"] + (f" [{c['unit']}]" if c["unit"] else "")]
        for c in facts["columns"]
    ]
    put(table(["column", "type", "meaning"], rows, widest=150))


@app.command(rich_help_panel=HELP)
def doctor(warehouse: WarehouseOption = None, json: JsonOption = False) -> None:
    """Say what this machine and this installation can do; nothing leaves the machine."""
    from trialpanorama.apps.doctor import doctor_facts, doctor_text

    facts = doctor_facts(warehouse)
    put_json(facts) if json else put(doctor_text(facts))


# --- pages


@app.command(rich_help_panel=START)
def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; beyond this machine a token is asked for.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=1, max=65_535, help="The port.")] = 8321,
    token: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What has to be known to be let in; else one is made if needed.")
    ] = None,
    logs: LogsOption = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Show a warehouse in the browser: search, trials, graph, sample size, runs; nothing leaves this machine."""
    from trialpanorama.apps.web import serve as serve_pages
    from trialpanorama.warehouse import find_warehouse

    serve_pages(find_warehouse(warehouse), host=host, port=port, token=token, logs=logs, say=say)


app.command("mcp", rich_help_panel=START)(mcp.mcp)
app.command("designs", rich_help_panel=DESIGN)(designing.designs)
app.command("predict", rich_help_panel=DESIGN)(forecasting.predict_command)
app.command("experiment", rich_help_panel=MODELS)(experimenting.experiment_command)


# --- running it


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code. Every failure is one line on standard error."""
    arguments = list(arguments) or ["--help"]
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if arguments == ["--version"]:
        from trialpanorama import __version__

        put(f"trialpanorama {__version__}")
        return 0
    try:
        code = app(args=arguments, prog_name="trialpanorama", standalone_mode=False)
    except typer.TyperException as error:
        return _complain(_usage(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except TrialPanoramaError as error:
        if debug:
            raise
        return _complain(str(error), error.exit_code)
    except Exception as error:
        if debug:
            raise
        if refused := refusal(error):
            return _complain(refused, 2)
        where = "trialpanorama " + shlex.join([*arguments, "--debug"])
        return _complain(f"Unexpected {type(error).__name__}: {error}. The whole story: {where}", 1)
    if code == 130:
        goes_on = ("build", "demo", "evaluate", "experiment", "fetch")
        kept = "What is finished is kept; go on with" if arguments[0] in goes_on else "Again"
        if arguments[:2] in (["train", "sft"], ["train", "grpo"]) and "--resume" not in arguments:
            kept, arguments = "Checkpoints are kept; where there is one, go on with", [*arguments, "--resume"]
        say(f"\nInterrupted. {kept}: trialpanorama {shlex.join(arguments)}")
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    say("Error: " + " ".join(message.split()))
    return code


def _usage(error: Exception) -> str:
    """A mistake on the command line in one line, with the command that explains more."""
    message = str(getattr(error, "format_message", error.__str__)()).strip().rstrip(".").removesuffix("?")
    context: Any = getattr(error, "ctx", None)
    command = context.command_path if context else "trialpanorama"
    return f"{message}. See: {command} --help"


def main() -> None:
    """The entry point of the `trialpanorama` command."""
    if "--debug" not in sys.argv:
        sys.unraisablehook = lambda _: None  # a file that a full disk broke off complains once more when it is dropped
    gc.set_threshold(50_000, 20, 10)  # looking for garbage as often as Python does takes a twelfth of a demo's time
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
