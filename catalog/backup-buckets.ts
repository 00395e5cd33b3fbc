/** The second bucket of the backups, in another city. */
export const offsiteBucketOf = (bucket: string): string => `${bucket}-offsite`;
