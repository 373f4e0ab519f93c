"""The pages and endpoints of scanning."""

from django.urls import path

from scans import api, sheets
from scans.views import board, exports, proposals, records, reports, saved_filters, station, trace

app_name = "scans"

urlpatterns = [
    path("", api.record, name="record"),
    path("<uuid:uid>/void/", api.void, name="void"),
    path("incidents/", api.incidents, name="incidents"),
    path("heartbeat/", api.heartbeat, name="heartbeat"),
    path("recent/", api.recent, name="recent"),
    path("floor/", api.floor, name="floor"),
    path("tally/", api.tally, name="tally"),
    path("station/", station.station, name="station"),
    path("worker.js", station.worker, name="worker"),
    path("sheet/", sheets.sheet, name="sheet"),
    path("scanner/", sheets.scanner, name="scanner"),
    path("bind/", station.bind, name="bind"),
    path("record/<uuid:uid>/", records.record, name="scan"),
    path("record/<uuid:uid>/correct/", records.correct, name="correct"),
    path("proposals/", proposals.proposed, name="proposals"),
    path("trace/", trace.trace, name="trace"),
    path("board/", board.board_page, name="board"),
    path("board.json", board.board_json, name="board_json"),
    path("reports/", reports.reports, name="reports"),
    path("reports/operators/", reports.operators, name="operators"),
    path("reports/reinspections/", reports.reinspections, name="reinspections"),
    path("reports/data/", reports.data_quality, name="data_quality"),
    path("reports/rows/", reports.rows, name="rows"),
    path("reports/filters/", saved_filters.save, name="save_filter"),
    path("reports/filters/<int:pk>/forget/", saved_filters.forget, name="forget_filter"),
    path("export.csv", exports.export_csv, name="export_csv"),
    path("export.xlsx", exports.export_xlsx, name="export_xlsx"),
]
