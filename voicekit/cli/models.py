import click
@click.group()
def models() -> None: pass
