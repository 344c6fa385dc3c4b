// Keeps the token in the memory of a worker, and asks it for answers only.
const worker = new Worker("/worker.js");
worker.onmessage = ({ data }) => (document.querySelector("output").value = data);
document.querySelector("button").onclick = () => worker.postMessage("list");
