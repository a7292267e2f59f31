import { networkSuite } from '../testing/network-suite.js';
import { NodeNetwork } from './network.js';

networkSuite('NodeNetwork', () => {
  const network = new NodeNetwork();
  return { server: network, client: network, host: '127.0.0.1', drive: (work) => work() };
});
