/** The web client: one page that shows the messages and writes new ones. */
export function page(webVersion: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sample chat ${webVersion}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
  form { display: flex; gap: .5rem } input { font: inherit; padding: .3rem; flex: 1 }
  li { overflow-wrap: anywhere } footer { color: #666; font-size: 80% }
</style>
<h1>Sample chat</h1>
<ul id="messages"></ul>
<form><input name="author" placeholder="name" required>
<input name="text" placeholder="message" required> <button>Send</button></form>
<footer>Release ${webVersion}. A sample application for trying deployments.</footer>
<script>
  const list = document.querySelector("#messages");
  let last = 0;
  function show(message) {
    if (message.id <= last) return;
    last = message.id;
    const item = document.createElement("li");
    item.textContent = message.author + ": " + message.text;
    list.append(item);
  }
  async function load() {
    const answer = await fetch("/api/messages?after=" + last);
    if (answer.ok) (await answer.json()).messages.forEach(show);
  }
  function listen() {
    const socket = new WebSocket(location.href.replace(/^http/, "ws").replace(/[/]$/, "") + "/ws");
    socket.onopen = load;
    socket.onmessage = (event) => show(JSON.parse(event.data).message);
    socket.onclose = () => setTimeout(listen, 1000);
  }
  document.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.target));
    const answer = await fetch("/api/messages", { method: "POST", body: JSON.stringify(fields) });
    if (answer.ok) event.target.text.value = "";
  };
  listen();
</script>
</html>
`;
}
