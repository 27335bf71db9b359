// Swagger UI over our own document. Nothing is asked of another host: no validator, no fonts, no proxy.
const place = document.getElementById('api');

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  defaultModelsExpandDepth: -1,
  displayOperationId: false,
  displayRequestDuration: true,
  persistAuthorization: false, // a token stays in the page that it was typed into
  validatorUrl: null,
  presets: [window.SwaggerUIBundle.presets.apis],
});
