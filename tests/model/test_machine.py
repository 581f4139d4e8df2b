from imgae.model import machine


def test_usable_cpus_are_at_least_one_and_within_affinity():
    assert machine.usable_cpus() >= 1


def test_a_quota_of_the_cgroup_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(machine, "CGROUP_CPU", tmp_path / "cpu.max")
    assert machine.usable_cpus() == 16
    (tmp_path / "cpu.max").write_text("250000 100000\n")
    assert machine.usable_cpus() == 2
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert machine.usable_cpus() == 16
