// Shows the description that this script's own element names. A file, because the pages allow no inline script.
const { spec } = document.currentScript.dataset;
window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({ url: spec, dom_id: "#api", deepLinking: true, validatorUrl: null, persistAuthorization: true });
});
