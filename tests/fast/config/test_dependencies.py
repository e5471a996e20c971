"""`depends_on` among the workers of a file."""

from kit.config import outcome, problems, read, said, workers

from supervisor.config.problems import ConfigError


def test_a_dependency_on_no_worker_names_the_nearest() -> None:
    assert said(workers(database="[]", api="['databse']", web="{ nothing = 'ready' }")) == [
        ':6: worker "api": depends_on names "databse", and no worker is called that (did you mean "database"?)',
        ':9: worker "web": depends_on names "nothing", and no worker is called that',
    ]


def test_a_dependency_on_a_worker_with_a_problem_of_its_own_is_no_problem() -> None:
    assert [problem.worker for problem in problems("[workers]\na = 5\nb = { command = 'x', depends_on = ['a'] }")] == [
        "a"
    ]


def test_a_cycle_is_one_problem_that_draws_it_from_its_first_worker() -> None:
    text = workers(z="['c']", a="['b']", b="{ c = 'started' }", c="['a']")
    assert said(text) == [':6: worker "a": depends_on goes in a circle: a → b → c → a']


def test_each_cycle_is_told_beside_the_other_problems() -> None:
    text = workers(a="['b']", b="['a']", c="['d']", d="['c']", e="['e', 'f']") + "foo = 1\n"
    assert [problem.line for problem in problems(text)] == [3, 9, 15, 15, 16]


def test_many_ways_to_one_worker_are_no_cycle() -> None:
    assert len(read(workers(a="['b', 'c']", b="['d']", c="['d', 'b']", d="[]")).workers) == 4


def test_a_cycle_of_thousands_is_found_and_drawn_short() -> None:
    (problem,) = problems(workers(**{f"w{n}": f"['w{(n + 1) % 2000}']" for n in range(2000)}))
    assert problem.message.endswith("→ w8 → w9 → … → w0")


def test_each_of_many_small_cycles_on_one_long_way_is_told() -> None:
    """Worker after worker depends on the next one, and every second pair on each other."""
    after = {n: [n + 1] if n < 3999 else [] for n in range(4000)}
    for n in range(1, 4000, 2):
        after[n].append(n - 1)
    text = workers(**{f"w{n}": repr([f"w{other}" for other in others]) for n, others in after.items()})
    error = outcome(text.encode())
    assert isinstance(error, ConfigError)
    assert error.count == 2000
    assert error.problems[1].message == "depends_on goes in a circle: w2 → w3 → w2"
