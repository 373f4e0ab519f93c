"""Static files under names that change with their content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """As whitenoise keeps them; the modules that a module imports get their hashed names too.

    Else a page of the new version would run with modules that the browser kept of the old one.
    """

    support_js_module_import_aggregation = True
