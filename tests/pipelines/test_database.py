"""Is a long query silent, and bounded?"""

from pipelines.database import MEMORY, open_database


def test_no_progress_bar_comes_between_the_lines_of_a_record():
    settings = dict(open_database().execute("SELECT name, value FROM duckdb_settings()").fetchall())
    assert settings["enable_progress_bar"] == "false"
    assert settings["TimeZone"] == "UTC"
    assert settings["memory_limit"].startswith("953.6")  # MiB
    assert MEMORY == "1GB"
