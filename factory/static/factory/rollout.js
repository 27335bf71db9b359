// A rollout while it goes on: its channel says that something has changed, and the page looks again, not too often.

import { lookAgain } from "./live.js";

const LEISURE = 1000;
let later = null, status = null;

document.addEventListener("plant:rollout", ({ detail }) => {
  const isNews = status !== null && detail.status !== status;
  status = detail.status;
  if (isNews) {
    clearTimeout(later);
    later = null;
    lookAgain();
  } else later ??= setTimeout(() => { later = null; lookAgain(); }, LEISURE);
});
