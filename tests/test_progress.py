"""Work is counted when it is done."""

from collections import deque
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.progress import WhenDone


class Counted:
    def __init__(self) -> None:
        self.done = 0

    def advance(self, n: int = 1) -> None:
        self.done += n

    def note(self, text: str) -> None:
        raise AssertionError(text)


@given(
    sizes=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=20),
    ahead=st.integers(1, 5),
)
def test_what_is_read_for_an_item_counts_when_its_result_is_there(
    sizes: list[tuple[int, bool]], ahead: int
) -> None:
    task = Counted()
    done = WhenDone(task)
    passed = 0

    def reading() -> Iterator[int]:
        nonlocal passed
        for size, is_left in sizes:
            done.read(size)
            if is_left:
                yield size
            else:
                done.pass_over()
                passed += size
        done.read(3)  # behind the last item

    def results() -> Iterator[int]:
        waiting: deque[int] = deque()
        for item in done.items(reading()):
            waiting.append(item)
            if len(waiting) > ahead:
                yield waiting.popleft()
        yield from waiting

    finished = 0
    for size in done.results(results()):
        finished += size
        assert task.done == finished + passed
    assert task.done == sum(size for size, _ in sizes) + 3
