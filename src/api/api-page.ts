// The API for people: a page of all paths, made of the OpenAPI document, without a script.

import { descriptions } from './descriptions.ts'
import { html, type Html } from '../html.ts'
import { openApi } from './openapi.ts'

/** Made once: it never changes while we run. */
export const apiPage: string = html`<!DOCTYPE html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>PXE Pilot: the API</title>
      <link rel="stylesheet" href="/ui/style.css" />
    </head>
    <body>
      <h1>The API</h1>
      <p>
        <a href="/ui/">Hosts</a> &middot; <a href="/v1/openapi.json">OpenAPI 3.1</a>. Every path is there
        without /v1, too. Bodies are JSON, whatever their Content-Type; keys in any case, with or without
        underscores.
      </p>
      ${Object.keys(descriptions).map(section)}
    </body>
  </html> `.html

function section(key: string): Html {
  const [method = '', path = ''] = key.split(' ')
  const named = `/v1${path.replace(/:(\w+)/g, '{$1}')}`
  const operation = openApi.paths[named]?.[method]
  const description = descriptions[key]
  if (operation === undefined || description === undefined) return html``
  const body = operation.requestBody as
    { readonly content: { readonly 'application/json': { readonly schema: object } } } | undefined
  return html`<h2><code>${method.toUpperCase()} ${named}</code></h2>
    <p>${operation.summary}.</p>
    ${(description.query ?? []).map(({ name, what }) => html`<p><code>?${name}=</code> ${what}</p>`)}
    ${body === undefined ? html`` : html`<pre>${JSON.stringify(body.content['application/json'].schema, null, 2)}</pre>`}
    <table>
      <tr>
        <th>Status</th>
        <th>When</th>
      </tr>
      ${Object.entries(operation.responses).map(
        ([status, response]) =>
          html`<tr>
            <td>${status}</td>
            <td>${(response as { readonly description: string }).description}</td>
          </tr>`,
      )}
    </table>`
}
