"""`syncd check`: everything that has to be right before a sync, each with what to do when it is not."""

import click

from syncd.cli.invocation import Invocation, configured, json_option


@click.command()
@json_option
@configured
def check(invocation: Invocation, as_json: bool) -> int:
    """Check configuration, database, grant, modules, fields and disk; change nothing.

    Costs a few API credits and no export. The exit code is that of the worst finding: 78 configuration, 77 grant, 69
    something cannot be reached, 75 busy, 1 anything else.
    """
    import json

    from syncd.cli.checks import all_findings, exit_code
    from syncd.cli.findings import print_finding

    findings = []
    for finding in all_findings(invocation):
        findings.append(finding)
        if not as_json:
            print_finding(finding)
    code = exit_code(findings)
    if as_json:
        found = [one.document() for one in findings]
        click.echo(json.dumps({"ok": code == 0, "exit_code": code, "findings": found}, ensure_ascii=False))
    return code
