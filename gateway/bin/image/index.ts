/**
 * image: archives of container images, written without a daemon. Used by `npm run image` and by tests that need images of pods.
 * Owns: the tar and OCI formats, collecting files of this machine.
 */
export { architectureHere, type Image, type ImageSettings, writeImage, type WrittenImage } from './archive.ts';
export { fileAt, filesBelow } from './collect.ts';
export { type Entry, tarOf } from './tar.ts';
