import { useFollow } from "./useFollow.js";
import { Markdown } from "./Value.jsx";
import { Icon } from "../lib/Icon.jsx";

const looksLikeJson = (text) => /^\s*[{[]/.test(text) || /^\s*```json/.test(text);

/** Growing text in a box that follows its end until the reader scrolls up. */
export function LiveText({ text, active, label }) {
  const { box, onScroll, jump, away } = useFollow(text.length, active);
  return (
    <div className="live-text">
      <div className="live-scroll" data-active={active ? "yes" : undefined} ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label={label}>
        {looksLikeJson(text) ? <pre className="plain">{text}</pre> : <Markdown text={text} />}
      </div>
      {away ? (
        <button type="button" className="jump" onClick={jump} data-offline-ok><Icon name="arrow-down" /> Jump to live</button>
      ) : null}
    </div>
  );
}
