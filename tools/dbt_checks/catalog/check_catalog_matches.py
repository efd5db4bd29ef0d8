"""Checks of our own for dbt-bouncer: what its own ones pass over."""

from typing import Any

from dbt_bouncer.check_framework.decorator import check, fail


@check
def check_model_matches_catalog(model: Any, ctx: Any) -> None:
    """Find models that are not in the catalog, or whose YAML names other columns than they have."""
    found = [node.catalog_node for node in ctx.catalog_nodes if node.unique_id == model.unique_id]
    if not found:
        fail(f"`{model.name}` is not in catalog.json: build it before `dbt docs generate`")
    actual, written = set(found[0].columns), set(model.columns)
    if actual != written:
        fail(f"`{model.name}`: not in YAML {sorted(actual - written)}, only in YAML {sorted(written - actual)}")


@check
def check_staging_name_matches_source(model: Any) -> None:
    """Find models in staging/<source>/ that are not called stg_<source>__<entity>, or base_… in its base/ folder."""
    _, _, source, *below = model.original_file_path.split("/")
    layer = "base" if below[0] == "base" else "stg"
    if not model.name.startswith(f"{layer}_{source}__"):
        fail(f"`{model.name}` is not called {layer}_{source}__<entity>")


@check
def check_model_states_its_grain(model: Any) -> None:
    """Find models whose description does not begin with what one row stands for."""
    if not model.description.startswith(("One row for each", "One row per")):
        fail(f"`{model.name}`: its description begins `{model.description[:30]}`, expected `One row for each …`")


@check
def check_source_columns_are_described(source: Any, ctx: Any) -> None:
    """Find columns of sources that their YAML does not describe, and those that it describes and nobody lands.

    dbt-bouncer 3.8 has a check of its own, which ends in an AttributeError over dbt 1.7's catalog.
    """
    found = [each.catalog_source for each in ctx.catalog_sources if each.unique_id == source.unique_id]
    if not found:
        fail(f"`{source.name}` is not in catalog.json")
    described = {name for name, column in source.columns.items() if column.description}
    if set(found[0].columns) != described:
        fail(f"`{source.name}`: not described, or not there: {sorted(set(found[0].columns) ^ described)}")
