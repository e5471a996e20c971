"""What a worker finds around it: its umask, its niceness, its standard input."""

from kit.support import Site


def test_a_worker_has_the_umask_the_niceness_and_the_input_of_its_file(site: Site) -> None:
    site.write(
        f"""
[workers.low]
command = "umask >{site.place}/told; nice >>{site.place}/told; wc -c >>{site.place}/told"
umask = "027"
nice = 3
stdin = "null"
"""
    )
    site.up()
    site.wait_state("low", "completed")
    assert (site.place / "told").read_text().split() == ["0027", "3", "0"]
