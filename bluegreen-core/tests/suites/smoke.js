// For k6.
import http from 'k6/http';

export const options = { iterations: 20, thresholds: { http_req_failed: ['rate<0.01'] } };

export default function () {
  http.get(`${__ENV.BASE_URL}/health`);
}
