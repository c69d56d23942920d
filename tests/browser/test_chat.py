"""The chat of the page, against a room whose every frame the test decides."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page

from tests.chromium import until
from tests.scripted_chat import Frame, ScriptedChat, message, user

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MIRA = user("11", "Mira", "#101020")
BARD = user("12", "ByteBard", "#b56bff")
LIVE = "document.querySelector('.chat').dataset.state === 'live'"
LOG = ".chat:not(.chat--replay) .log"
"""Of the live chat: a page that shows a VOD has one beside it."""
LINES = f"{LOG} .line--message"


class Room:
    """A page on the stage's channel."""

    def __init__(self, page: Page, stage: ScriptedChat) -> None:
        self.page = page
        self.stage = stage
        self.field = page.get_by_role("textbox", name="Message")

    async def lines(self, count: int) -> list[str]:
        """The texts of the messages shown, once there are so many."""
        await until(self.page, f"document.querySelectorAll('{LINES}').length === {count}")
        return await self.page.locator(f"{LINES} .line__text").all_inner_texts()

    def line(self, text: str) -> Locator:
        """A message's line."""
        return self.page.locator(LINES, has_text=text)

    async def say(self, text: str) -> None:
        """Types a line and sends it."""
        await self.field.fill(text)
        await self.field.press("Enter")


Enter = Callable[..., Awaitable[Room]]


@pytest_asyncio.fixture(loop_scope="session")
async def stage() -> AsyncIterator[ScriptedChat]:
    """A room of the test's own."""
    async with ScriptedChat().running() as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="session")
async def enter(browser: Browser, stage: ScriptedChat) -> AsyncIterator[Enter]:
    """Opens the page, signed in by a token or not; waits until it is in the room."""
    contexts = []
    complaints: list[str] = []

    async def enter(token: str | None = None, width: int = 1200, height: int = 720) -> Room:
        context = await browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        if token is not None:
            await context.add_init_script(f"localStorage.setItem('chronicast', JSON.stringify({{ accessToken: '{token}' }}))")
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
        await page.goto(stage.page)
        await until(page, LIVE)
        return Room(page, stage)

    yield enter
    for context in contexts:
        await context.close()
    assert complaints == []


@pytest.mark.row("U3")
async def test_who_comes_sees_what_was_said_with_names_badges_and_emotes(enter: Enter, stage: ScriptedChat) -> None:
    first = message("Hello 🦉 :) there", MIRA, badges=["moderator/1", "subscriber/12"], emotes=[["smile", 8, 9]], first=True)
    raid: Frame = {"type": "notice", "id": "n1", "kind": "raid", "user": BARD, "text": "", "viewers": 412, "at": first["at"]}
    await stage.publish(first, raid, message("me too", BARD, reply={"id": first["id"], "user": MIRA, "text": first["text"]}))
    room = await enter()
    assert await room.lines(2) == ["Hello 🦉  there", "me too"]
    line = room.line("Hello")
    named = await line.locator(".chat-badge").evaluate_all("all => all.map((one) => one.alt)")
    assert named == ["Moderator", "Subscriber for 12 months or more"]
    emote = line.locator(".emote")
    assert await emote.get_attribute("alt") == ":)"
    assert await emote.get_attribute("title") == ":)"
    await until(room.page, "[...document.querySelectorAll('.log img')].every((image) => image.naturalWidth > 0)")
    assert await room.page.locator(".line--raid").inner_text() == "ByteBard is raiding with 412 viewers."
    assert "Mira: Hello" in await room.line("me too").locator(".line__reply").inner_text()
    await stage.publish(message("and live", BARD, action=True))
    assert (await room.lines(3))[-1] == "and live"
    assert await room.page.get_by_role("log", name="Chat messages").count() == 1


async def test_dark_name_is_lightened_on_the_dark_theme_only(enter: Enter, stage: ScriptedChat) -> None:
    await stage.publish(message("can you read this?", MIRA))
    room = await enter()
    await room.lines(1)
    brightness = (
        "getComputedStyle(document.querySelector('.log .line__name')).color.match(/\\d+/g).reduce((sum, one) => sum + Number(one), 0)"
    )
    await room.page.emulate_media(color_scheme="dark")
    assert await room.page.evaluate(brightness) > 300
    await room.page.emulate_media(color_scheme="light")
    assert await room.page.evaluate(brightness) == 0x10 + 0x10 + 0x20


async def test_signed_in_viewer_says_something_and_sees_it_once(enter: Enter, stage: ScriptedChat) -> None:
    room = await enter()
    await room.page.get_by_role("button", name="Sign in to chat").click()
    dialog = room.page.get_by_role("dialog", name="Sign in to chat")
    await dialog.get_by_label("Access token").fill("wrong")
    await dialog.get_by_role("button", name="Sign in").click()
    assert "Nobody has this token" in await dialog.get_by_role("alert").inner_text()
    await dialog.get_by_label("Access token").fill("viewer-token")
    await dialog.get_by_role("button", name="Sign in").click()
    await room.field.wait_for()
    await until(room.page, LIVE)
    await room.say("good evening")
    assert await room.lines(1) == ["good evening"]
    assert "viewer-token" not in await room.page.evaluate("JSON.stringify(localStorage) + document.documentElement.outerHTML")
    await room.say("/me waves")
    assert await room.lines(2) == ["good evening", "waves"]
    assert await room.line("waves").evaluate("line => line.classList.contains('line--action')")
    await room.say("/ban somebody")
    assert await room.page.get_by_text("/ban is for moderators.").is_visible()
    assert [one["type"] for one in stage.asked if one["type"] in {"say", "moderate"}] == ["say", "say"]


async def test_token_is_kept_where_asked_and_gone_after_signing_out(enter: Enter) -> None:
    room = await enter()
    await room.page.get_by_role("button", name="Sign in to chat").click()
    await room.page.get_by_role("dialog").get_by_label("Access token").fill("viewer-token")
    await room.page.get_by_label("Keep it in this browser").check()
    await room.page.get_by_role("button", name="Sign in", exact=True).click()
    await room.field.wait_for()
    await room.page.reload()
    await room.field.wait_for()
    await room.page.get_by_role("button", name="Account").click()
    await room.page.get_by_role("menuitem", name="Sign out").click()
    await room.page.get_by_role("button", name="Sign in to chat").wait_for()
    assert "viewer-token" not in await room.page.evaluate("JSON.stringify(localStorage)")


@pytest.mark.row("C2")
async def test_refusal_says_why_and_counts_down_with_the_text_kept(enter: Enter, stage: ScriptedChat) -> None:
    room = await enter("viewer-token")
    stage.refusals += [{"reason": "slow_mode", "wait_ms": 2400}, {"reason": "blocked_term", "wait_ms": 0}]
    await room.say("too soon")
    note, send = room.page.locator(".composer__note"), room.page.get_by_role("button", name="Send")
    await until(room.page, "/^Slow mode is on. [23] s$/.test(document.querySelector('.composer__note').textContent)")
    assert await send.is_disabled()
    assert await room.field.input_value() == "too soon"
    await until(room.page, "document.querySelector('.composer__note').textContent === ''")
    await send.click()
    await note.get_by_text("This channel does not allow a term in your message.").wait_for()
    await send.click()
    assert await room.lines(1) == ["too soon"]
    await room.say("a" * 501)
    await note.get_by_text("At most 500 characters: 1 too many.").wait_for()


@pytest.mark.row("M6")
async def test_what_is_moderated_leaves_the_viewers_page_at_once(enter: Enter, stage: ScriptedChat) -> None:
    rude, other = message("something rude", BARD), message("what a day", MIRA)
    await stage.publish(
        rude, message("more of it", BARD), other, message("hm", MIRA, reply={"id": rude["id"], "user": BARD, "text": rude["text"]})
    )
    room = await enter("viewer-token")
    await room.lines(4)
    await stage.publish({"type": "deleted", "id": rude["id"]})
    assert await room.lines(3) == ["more of it", "what a day", "hm"]
    assert "rude" not in await room.page.locator(LOG).inner_html()
    await stage.publish({"type": "silenced", "user": BARD, "seconds": 600})
    assert await room.lines(2) == ["what a day", "hm"]
    await stage.publish({"type": "cleared"})
    assert await room.lines(0) == []
    await stage.publish({"type": "silenced", "user": user("2", "Robin"), "seconds": 90})
    await until(room.page, "document.querySelector('.composer__note').textContent.startsWith('You are timed out. 1:')")


@pytest.mark.row("M6")
async def test_moderator_acts_on_lines_and_still_sees_what_was_deleted(enter: Enter, stage: ScriptedChat) -> None:
    await stage.publish(message("something rude", BARD), message("what a day", MIRA), message("again", BARD))
    room = await enter("owner-token")
    await room.lines(3)
    await room.line("something rude").hover()
    await room.page.locator(".line-bar").get_by_role("button", name="Delete").click()
    deleted = room.page.locator(".line--deleted")
    await deleted.wait_for()
    await room.page.mouse.move(10, 10)
    assert await deleted.locator(".line__text").is_hidden()
    await deleted.hover()
    assert await deleted.locator(".line__text").is_visible()
    await room.page.locator(LOG).focus()
    await room.page.keyboard.press("ArrowUp")
    await room.page.keyboard.press("Enter")
    await room.page.get_by_role("menuitem", name="Ban").press("Enter")
    await until(room.page, "document.querySelectorAll('.line--deleted').length === 2")
    await room.line("what a day").locator(".line__name").click()
    card = room.page.get_by_role("dialog", name="Mira")
    assert "what a day" in await card.inner_text()
    await card.get_by_role("button", name="1 h").click()
    await until(room.page, "document.querySelectorAll('.line--deleted').length === 3")
    done = [(one["do"], one.get("user"), one.get("seconds")) for one in stage.asked if one["type"] == "moderate"]
    assert done == [("delete", None, None), ("ban", "bytebard", None), ("timeout", "mira", 3600)]


@pytest.mark.row("M4")
async def test_held_messages_are_approved_and_denied_by_moderators_alone(enter: Enter, stage: ScriptedChat) -> None:
    moderator, viewer = await enter("owner-token"), await enter("viewer-token")
    doubtful = [{**message(text, MIRA), "type": "held", "score": 0.81} for text in ("you rock", "you stink")]
    await stage.publish(*doubtful)
    await moderator.page.get_by_text("2 messages wait for you").wait_for()
    assert await viewer.page.locator(".held").is_hidden()
    await moderator.page.locator(".held__item", has_text="rock").get_by_role("button", name="Approve").click()
    await moderator.page.locator(".held__item", has_text="stink").get_by_role("button", name="Deny").click()
    assert await viewer.lines(1) == ["you rock"]
    assert await moderator.lines(1) == ["you rock"]
    assert await viewer.line("rock").get_attribute("data-id") == doubtful[0]["id"]
    await moderator.page.locator(".held").wait_for(state="hidden")


async def test_rules_of_the_room_are_changed_and_shown(enter: Enter, stage: ScriptedChat) -> None:
    moderator, viewer = await enter("owner-token"), await enter()
    await moderator.page.get_by_role("button", name="Rules of the room").click()
    await moderator.page.get_by_label("Slow mode").select_option("30")
    await moderator.page.get_by_label("Emotes only").check()
    await viewer.page.get_by_text("Slow 30 s").wait_for()
    await viewer.page.get_by_text("Only emotes may be written.").wait_for()
    await moderator.page.keyboard.press("Escape")
    await moderator.say("/slowoff")
    await until(viewer.page, "document.querySelector('.composer__modes').textContent === 'Emotes'")
    assert stage.mode["slow_seconds"] == 0


async def test_words_are_completed_and_emotes_picked(enter: Enter, stage: ScriptedChat) -> None:
    await stage.publish(message("hi", BARD), message("hi", MIRA))
    room = await enter("viewer-token")
    await room.lines(2)
    await room.field.press_sequentially("@by")
    await room.page.get_by_role("option", name="ByteBard").wait_for()
    await room.field.press("Tab")
    await room.field.press_sequentially(":pog")
    await room.field.press("Tab")
    await room.page.get_by_role("button", name="Emotes").click()
    assert await room.page.get_by_role("button", name="chroniCrown").is_disabled()
    await room.page.get_by_role("button", name="chroniWave").click()
    assert await room.field.input_value() == "@bytebard chroniPog chroniWave "


@pytest.mark.row("C21")
async def test_connection_that_breaks_resumes_without_gap_or_repeat(enter: Enter, stage: ScriptedChat) -> None:
    room = await enter("viewer-token")
    await stage.publish(*(message(f"before {number}", MIRA) for number in range(3)))
    await room.lines(3)
    stage.open = False
    await stage.cut()
    await room.page.get_by_text("Reconnecting").wait_for()
    missed = [message(f"meanwhile {number}", MIRA) for number in range(60)]
    await stage.publish(*missed, {"type": "deleted", "id": missed[5]["id"]})
    stage.open = True
    texts = await room.lines(62)
    assert texts == [f"before {n}" for n in range(3)] + [f"meanwhile {n}" for n in range(60) if n != 5]
    await stage.publish(missed[7], message("after", MIRA))  # the first was there already
    assert (await room.lines(63))[-2:] == ["meanwhile 59", "after"]
    joins = [one for one in stage.asked if one["type"] == "join"]
    assert "resume" not in joins[0]
    assert joins[-1]["resume"] == "3"
    await until(room.page, LIVE)
    await room.say("still signed in")
    await room.lines(64)


async def test_reading_further_up_is_not_disturbed(enter: Enter, stage: ScriptedChat) -> None:
    await stage.publish(*(message(f"line {number}", MIRA) for number in range(50)))
    room = await enter()
    await room.lines(50)
    await room.page.locator(LOG).hover()
    await room.page.mouse.wheel(0, -400)
    await room.page.get_by_text("Paused while you read").wait_for()
    top = await room.page.evaluate("document.querySelector('.log').scrollTop")
    late = message("late and rude", BARD)
    await stage.publish(message("late", MIRA), late)
    await stage.publish({"type": "deleted", "id": late["id"]})
    await room.page.get_by_text("1 new message", exact=True).click()
    assert top > 0
    assert (await room.lines(51))[-1] == "late"
    await until(
        room.page,
        "(({ scrollTop, scrollHeight, clientHeight }) => scrollHeight - scrollTop - clientHeight < 2)(document.querySelector('.log'))",
    )


@pytest.mark.row("U3")
async def test_hundred_messages_a_second_are_shown_in_order_within_bounds(enter: Enter, stage: ScriptedChat) -> None:
    room = await enter()
    for burst in range(60):  # 3 s of 5 a frame, 20 frames a second
        await stage.publish(
            *(message(f"{burst}:{n} :)", BARD, emotes=[["smile", len(f"{burst}:{n} "), len(f"{burst}:{n} ") + 1]]) for n in range(5))
        )
        await asyncio.sleep(0.05)
    await until(room.page, "[...document.querySelectorAll('.log .line__text')].at(-1).textContent.startsWith('59:4')")
    texts = await room.page.locator(f"{LINES} .line__text").all_inner_texts()
    assert [text.strip() for text in texts] == [f"{burst}:{n}" for burst in range(60) for n in range(5)]
    await stage.publish(*(message(f"late {n}", MIRA) for n in range(40)), skipped=1204)
    await until(room.page, "[...document.querySelectorAll('.log .line__text')].at(-1).textContent === 'late 39'")
    assert await room.page.locator(f"{LOG} > *").count() == 300
    await room.page.get_by_text("Sampled: 1,204 messages left out").wait_for()


async def test_markup_in_texts_and_names_is_shown_as_text(enter: Enter, stage: ScriptedChat) -> None:
    evil = "<img src=x onerror='window.hurt=1'><script>window.hurt=1</script>"
    who = {"id": '9"><b>', "login": "evil", "name": evil, "color": "red;background:url(//x)"}
    sent = message(evil, who, badges=["../../x/1", "vip/<b>"], emotes=[["../../logo", 0, 3], ["smile", 2, 900]])
    quoting = message("javascript:alert(1) see https://example.org/?a=<b>", who, reply={"id": sent["id"], "user": who, "text": evil})
    notice: Frame = {"type": "notice", "id": "n", "kind": "announcement", "user": who, "text": evil, "accent": "x y", "at": 0}
    await stage.publish(
        sent, quoting, notice, {"type": "silenced", "user": {"id": 'x"]', "login": "x"}}, {"type": "deleted", "id": 'x"] *'}
    )
    room = await enter("viewer-token")
    texts = await room.lines(2)
    assert texts[0] == evil
    assert await room.page.locator(LOG).locator("script, b, img:not(.chat-badge)").count() == 0
    assert await room.page.locator(f"{LOG} a").evaluate_all("all => all.map((one) => one.protocol)") == ["https:"]
    assert await room.page.evaluate("window.hurt") is None


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_narrow_screen_has_the_chat_below_the_picture(enter: Enter, stage: ScriptedChat, theme: str) -> None:
    await stage.publish(*(message("a_word_that_does_not_end" * 20, MIRA) for _ in range(20)))
    room = await enter("owner-token", width=390, height=844)
    await room.page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    await room.lines(20)
    box = "(name => document.querySelector(name).getBoundingClientRect())"
    assert await room.page.evaluate("document.documentElement.scrollWidth") == 390
    assert await room.page.evaluate(f"{box}('.chat').top >= {box}('.player').bottom")
    assert await room.page.evaluate(f"{box}('.composer').bottom <= innerHeight")
    assert await room.page.evaluate(
        "[...document.querySelectorAll('.chat button')].every((one) => one.ariaLabel || one.textContent.trim())"
    )
    await room.page.get_by_role("button", name="Hide chat").first.click()
    assert await room.page.locator(".chat:not(.chat--replay)").is_hidden()
    await room.page.get_by_role("button", name="Show chat").click()
    await until(room.page, LIVE)
    assert len(await room.lines(20)) == 20
