// Stands for Slack: prints the text of every message that is posted to it, on port 8080.
'use strict';
const http = require('http');

function text(body) {
    try {
        return JSON.parse(body).text || body;
    } catch {
        return body;
    }
}

http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part) => { body += part; });
    request.on('end', () => {
        console.log(`message: ${text(body)}`);
        response.end('ok');
    });
}).listen(8080, () => console.log('waiting for messages'));
