import typer
app = typer.Typer(help="x")
def add_to(app: typer.Typer) -> None:
    pass
